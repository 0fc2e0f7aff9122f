#include "operators/functions/audio_wav.h"

#include <ATen/ops/empty.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "operators/functions/audio_limits.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

static_assert(std::endian::native == std::endian::little, "WAV files are little-endian");

constexpr int64_t kMaxChannels = 64;
/// Writers to a pipe cannot know the size: they say this or more, and the file ends where it ends.
constexpr uint32_t kStreamed = 0x7FFFF000;

Error Failed(std::string message) { return {ErrorCode::kFailed, std::move(message)}; }

/// A number at `at`, which is inside of `bytes`.
template <typename Number>
Number Read(std::string_view bytes, size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

struct Wav {
  int64_t num_channels = 0;
  int64_t rate = 0;
  int64_t bits = 0;
  bool is_float = false;
  std::string_view data;  // whole frames: a sample of each channel

  int64_t num_frames() const {
    return static_cast<int64_t>(data.size()) / (num_channels * bits / 8);
  }
};

/// The body of a chunk `fmt `.
Result<Wav> ReadFormat(std::string_view body) {
  if (body.size() < 16)
    return Failed("corrupt WAV: its format has " + std::to_string(body.size()) + " bytes");
  uint16_t code = Read<uint16_t>(body, 0);
  if (code == 0xFFFE && body.size() >= 26) code = Read<uint16_t>(body, 24);  // extensible
  Wav wav;
  wav.num_channels = Read<uint16_t>(body, 2);
  wav.rate = Read<uint32_t>(body, 4);
  wav.bits = Read<uint16_t>(body, 14);
  wav.is_float = code == 3;
  const bool is_pcm =
      code == 1 && (wav.bits == 8 || wav.bits == 16 || wav.bits == 24 || wav.bits == 32);
  const bool is_float = code == 3 && (wav.bits == 32 || wav.bits == 64);
  if (!is_pcm && !is_float) {
    return Failed("a WAV of format " + std::to_string(code) + " with " + std::to_string(wav.bits) +
                  " bits: PCM of 8, 16, 24, 32 bits and floats of 32, 64 are read");
  }
  if (wav.num_channels < 1 || wav.num_channels > kMaxChannels) {
    return Failed("corrupt WAV: it has " + std::to_string(wav.num_channels) + " channels");
  }
  if (wav.rate < 1 || wav.rate > kMaxSampleRate) {
    return Failed("corrupt WAV: its rate is " + std::to_string(wav.rate) + " Hz");
  }
  if (Read<uint16_t>(body, 12) != wav.num_channels * wav.bits / 8) {
    return Failed("corrupt WAV: its frames have " + std::to_string(Read<uint16_t>(body, 12)) +
                  " bytes, which is not " + std::to_string(wav.num_channels) + " × " +
                  std::to_string(wav.bits) + " bits");
  }
  return wav;
}

/// The samples of a file whose format is known. `announced` bytes follow, as the header says.
Result<Wav> WithData(Wav wav, std::string_view rest, uint32_t announced) {
  if (announced < kStreamed && announced > rest.size()) {
    return Failed("truncated WAV: " + std::to_string(announced) + " bytes of samples announced, " +
                  std::to_string(rest.size()) + " there");
  }
  wav.data = rest.substr(0, announced < kStreamed ? announced : rest.size());
  if (wav.data.size() % static_cast<size_t>(wav.num_channels * wav.bits / 8) != 0) {
    return Failed("truncated WAV: it ends within a sample");
  }
  if (wav.num_frames() > kMaxSamples / wav.num_channels) {
    return Failed("a WAV of " + std::to_string(wav.num_frames()) + " samples: the limit is " +
                  std::to_string(kMaxSamples));
  }
  return wav;
}

/// Goes from chunk to chunk up to the samples.
Result<Wav> ReadWav(std::string_view bytes) {
  if (bytes.empty()) return Failed("no WAV: there are no bytes");
  if (!bytes.starts_with("RIFF") || (bytes.size() >= 12 && bytes.substr(8, 4) != "WAVE")) {
    return Failed("no WAV: it does not start with RIFF … WAVE");
  }
  std::optional<Wav> wav;
  size_t at = 12;
  while (at + 8 <= bytes.size()) {
    const std::string_view name = bytes.substr(at, 4);
    const auto size = Read<uint32_t>(bytes, at + 4);
    const std::string_view rest = bytes.substr(at + 8);
    if (name == "data") {
      if (!wav) return Failed("corrupt WAV: its samples come before their format");
      return WithData(*wav, rest, size);
    }
    if (size > rest.size()) break;
    if (name == "fmt ") {
      Result<Wav> format = ReadFormat(rest.substr(0, size));
      if (!format) return format;
      wav = *format;
    }
    at += 8 + size_t{size} + size % 2;  // chunks begin at even places
  }
  return Failed("truncated WAV: it ends before its samples");
}

float Scaled(const Wav& wav, size_t at) {
  switch (wav.bits) {
    case 8: return static_cast<float>(Read<uint8_t>(wav.data, at) - 128) / 128.0F;
    case 16: return static_cast<float>(Read<int16_t>(wav.data, at)) / 32768.0F;
    case 24: {
      const auto upper = static_cast<uint32_t>(Read<uint16_t>(wav.data, at + 1)) << 16U;
      const auto whole =
          static_cast<int32_t>(upper | static_cast<uint32_t>(Read<uint8_t>(wav.data, at)) << 8U);
      return static_cast<float>(whole) / 2147483648.0F;
    }
    case 32:
      return wav.is_float ? Read<float>(wav.data, at)
                          : static_cast<float>(Read<int32_t>(wav.data, at)) / 2147483648.0F;
    default: return static_cast<float>(Read<double>(wav.data, at));
  }
}

/// f32[channels, samples]
Result<at::Tensor> ReadSamples(const Wav& wav) {
  const int64_t num_frames = wav.num_frames();
  at::Tensor samples = at::empty({wav.num_channels, num_frames}, at::kFloat);
  float* out = samples.mutable_data_ptr<float>();
  size_t at = 0;
  for (int64_t frame = 0; frame < num_frames; ++frame) {
    for (int64_t channel = 0; channel < wav.num_channels; ++channel) {
      const float sample = Scaled(wav, at);
      if (!std::isfinite(sample)) {
        return Failed("corrupt WAV: sample " + std::to_string(frame) + " is not a finite number");
      }
      out[channel * num_frames + frame] = sample;
      at += static_cast<size_t>(wav.bits) / 8;
    }
  }
  return samples;
}

/// Which of the channels of a file are wanted.
enum class Channels { kAll, kMean, kOne };

class DecodeWav final : public NativeFunction {
 public:
  DecodeWav(engine::Type type, Channels channels, int64_t channel)
      : type_(std::move(type)), channels_(channels), channel_(channel) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    const engine::TextColumn& files = args[0].text();
    at::Tensor rates = at::empty({num_rows}, at::kLong);
    Result<Column> samples = MapRows(num_rows, type_, context, [&](int64_t row) {
      return Decode(files[row], rates.mutable_data_ptr<int64_t>()[row]);
    });
    if (!samples) return std::move(samples).error();
    return std::vector<Column>{*std::move(samples), std::move(rates)};
  }

 private:
  Result<at::Tensor> Decode(std::string_view bytes, int64_t& rate) const {
    const Result<Wav> wav = ReadWav(bytes);
    if (!wav) return wav.error();
    if (channels_ == Channels::kOne && channel_ >= wav->num_channels) {
      return Failed("no channel " + std::to_string(channel_) + " in a WAV of " +
                    std::to_string(wav->num_channels));
    }
    rate = wav->rate;
    Result<at::Tensor> samples = ReadSamples(*wav);
    if (!samples || channels_ == Channels::kAll) return samples;
    if (channels_ == Channels::kOne) return samples->select(0, channel_);
    return wav->num_channels == 1 ? samples->select(0, 0) : samples->mean(0);
  }

  engine::Type type_;
  Channels channels_;
  int64_t channel_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeDecodeWav(const FunctionSpec& spec) {
  const engine::Value* channel = spec.settings.Find("channel");
  if (channel != nullptr && *channel->AsInt() < 0) {
    return Error{ErrorCode::kInvalidArgument, "`channel` must not be negative"};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<DecodeWav>(
      spec.results[0], channel == nullptr ? Channels::kMean : Channels::kOne,
      channel == nullptr ? 0 : *channel->AsInt()));
}

Result<std::unique_ptr<NativeFunction>> MakeDecodeWavChannels(const FunctionSpec& spec) {
  return std::unique_ptr<NativeFunction>(
      std::make_unique<DecodeWav>(spec.results[0], Channels::kAll, 0));
}

}  // namespace raceway::operators
