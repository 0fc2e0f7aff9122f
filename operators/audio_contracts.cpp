#include "operators/native_contracts.h"

namespace raceway::operators {
namespace {

using engine::Dim;
using engine::FunctionContract;
using engine::Type;
using Kind = engine::SettingContract::Kind;

Type Samples(const char* count) { return {engine::DataType::kF32, {Dim::Symbol(count)}}; }

std::string SampleRate(const engine::Value& value) {
  return *value.AsInt() >= 1 && *value.AsInt() <= 768'000 ? "" : "must be 1 to 768000 Hz";
}

FunctionContract DecodeWav() {
  return {
      .name = "audio.decode_wav",
      .params = {{"wav", Scalar(engine::DataType::kBytes)}},
      .results = {{"samples", Samples("N")}, {"rate", Scalar(engine::DataType::kI64)}},
      .settings = {{"channel",
                    Kind::kInt,
                    false,
                    {},
                    "This channel alone, counted from 0; by default the mean of all.",
                    &AtLeastZero}},
      .doc =
          "Decodes a WAV to samples in -1..1 and their rate in Hz: PCM of 8, 16, 24 or 32 bits, "
          "floats of 32 or 64."};
}

FunctionContract DecodeWavChannels() {
  const Type channels = {engine::DataType::kF32, {Dim::Symbol("C"), Dim::Symbol("N")}};
  return {.name = "audio.decode_wav_channels",
          .params = {{"wav", Scalar(engine::DataType::kBytes)}},
          .results = {{"samples", channels}, {"rate", Scalar(engine::DataType::kI64)}},
          .settings = {},
          .doc = "The same with each channel apart; as many as are declared (`f32[2, N]`)."};
}

FunctionContract Resample() {
  return {
      .name = "audio.resample",
      .params = {{"samples", Samples("N")}, {"rate", Scalar(engine::DataType::kI64)}},
      .results = {{"samples", Samples("M")}},
      .settings = {{"to", Kind::kInt, true, {}, "The rate that comes out, in Hz.", &SampleRate}},
      .doc = "Changes the rate of samples by a windowed sinc, as torchaudio does by default."};
}

}  // namespace

void RegisterAudioContracts(engine::Catalog& catalog) {
  catalog.Add(DecodeWav());
  catalog.Add(DecodeWavChannels());
  catalog.Add(Resample());
}

}  // namespace raceway::operators
