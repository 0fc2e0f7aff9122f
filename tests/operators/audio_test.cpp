#include "tests/operators/audio.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/operators/images.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::AnyOf;
using ::testing::StartsWith;

StepSpec Decode(Value::Record settings = {}) {
  StepSpec step = Native("audio.decode_wav", std::move(settings), "f32[N]");
  step.results = {{"samples", "samples"}, {"rate", "rate"}};
  step.outputs = {*S({{"samples", "f32[N]"}, {"rate", "i64"}})};
  return step;
}
StepSpec DecodeChannels(const std::string& type) {
  StepSpec step = Decode();
  step.options[0].second = "audio.decode_wav_channels";
  step.outputs = {*S({{"samples", type}, {"rate", "i64"}})};
  return step;
}
std::string Decoded(const std::string& file, Value::Record settings = {}) {
  return Text(RunOn(Decode(std::move(settings)), "bytes", Texts({file})));
}
/// "sound", or why not.
std::string Outcome(const std::string& file) {
  const Result<Column> out = RunOn(Decode(), "bytes", Texts({file}));
  return out.ok() ? "sound" : out.error().message;
}

TEST(DecodeWavTest, ScalesEveryFormatToOne) {
  EXPECT_EQ(Decoded(WriteWav("\x80\xC0\xFF\x01", {.bits = 8})), "[0, 0.5, 0.992188, -0.992188]");
  EXPECT_EQ(Decoded(WriteWav(std::string("\x00\x00\x00\x40\x00\x80\xFF\xFF", 8))),
            "[0, 0.5, -1, -3.05176e-05]");
  EXPECT_EQ(Decoded(WriteWav(std::string("\x00\x00\x40\x00\x00\x80\x00\x80\x00", 9), {.bits = 24})),
            "[0.5, -1, 0.00390625]");
  EXPECT_EQ(Decoded(WriteWav(LittleEndian(int32_t{1} << 30) + LittleEndian(int32_t{-1} << 31),
                             {.bits = 32})),
            "[0.5, -1]");
  EXPECT_EQ(Decoded(WriteWav(LittleEndian(0.25F) + LittleEndian(-1.5F), {.code = 3, .bits = 32})),
            "[0.25, -1.5]");
  EXPECT_EQ(Decoded(WriteWav(LittleEndian(0.25), {.code = 3, .bits = 64})), "[0.25]");
}

TEST(DecodeWavTest, ChannelsAreMixedPickedOrKeptApart) {
  const std::string file =
      WriteWav(LittleEndian(0.5F) + LittleEndian(-1.0F) + LittleEndian(0.25F) + LittleEndian(0.75F),
               {.code = 3, .num_channels = 2, .bits = 32});
  EXPECT_EQ(Decoded(file), "[-0.25, 0.5]");
  EXPECT_EQ(Decoded(file, {{"channel", int64_t{1}}}), "[-1, 0.75]");
  EXPECT_EQ(Decoded(file, {{"channel", int64_t{2}}}), "failed: row 1: no channel 2 in a WAV of 2");
  EXPECT_EQ(Text(RunOn(DecodeChannels("f32[2, N]"), "bytes", Texts({file}))),
            "[[0.5, 0.25], [-1, 0.75]]");
  EXPECT_EQ(Text(RunOn(DecodeChannels("f32[1, N]"), "bytes", Texts({file}))),
            "failed: audio.decode_wav_channels: result `samples` is f32[2, 2], declared f32[1, N]");
  EXPECT_EQ(MakeError(Decode({{"channel", int64_t{-1}}}), {S({{"in", "bytes"}})}),
            "invalid argument: audio.decode_wav: `channel` must not be negative");
}

TEST(DecodeWavTest, FilesMayDifferInLengthAndRate) {
  const Batch files = MakeBatch(
      S({{"in", "bytes"}}),
      {Texts({WriteWav(std::string(4, '\0')), WriteWav(std::string(2, '\0'), {.rate = 44'100})})});
  EXPECT_EQ(Text(RunStep(Decode(), files)),
            "#0 samples=[0, 0] rate=16000\n#1 samples=[0] rate=44100\n");
  EXPECT_EQ(Text(RunOn(Decode(), "bytes", Texts({WriteWav("")}))), "[]");
}

TEST(DecodeWavTest, SkipsWhatItDoesNotKnow) {
  const std::string data = Chunk("data", std::string("\x00\x40", 2));
  EXPECT_EQ(Decoded(WavOf(Chunk("LIST", "odd") + Chunk("fmt ", WavFormat()) +
                          Chunk("fact", "1234") + data + Chunk("id3 ", "…"))),
            "[0.5]");
  const std::string extensible = WavFormat({.code = 0xFFFE}) + LittleEndian(uint16_t{22}) +
                                 std::string(6, '\0') + LittleEndian(uint16_t{1}) +
                                 std::string(14, '\0');
  EXPECT_EQ(Decoded(WavOf(Chunk("fmt ", extensible) + data)), "[0.5]");
}

TEST(DecodeWavTest, AStreamEndsWithTheFile) {
  for (const uint32_t size : {0x7FFF'F000U, 0xFFFF'FFFFU}) {
    const std::string head = WavOf(Chunk("fmt ", WavFormat()));
    EXPECT_EQ(Decoded(head + "data" + LittleEndian(size) + std::string("\x00\x40", 2)), "[0.5]");
  }
}

TEST(DecodeWavTest, RefusesWhatIsNoSound) {
  EXPECT_EQ(Outcome(""), "no WAV: there are no bytes");
  EXPECT_EQ(Outcome("OggS…"), "no WAV: it does not start with RIFF … WAVE");
  EXPECT_EQ(Outcome(Chunk("RIFF", "AVI LIST")), "no WAV: it does not start with RIFF … WAVE");
  EXPECT_EQ(Outcome(WavOf(Chunk("data", "ab") + Chunk("fmt ", WavFormat()))),
            "corrupt WAV: its samples come before their format");
  EXPECT_EQ(Outcome(WavOf(Chunk("fmt ", "short"))), "corrupt WAV: its format has 5 bytes");
  EXPECT_EQ(Outcome(WriteWav("abc")), "truncated WAV: it ends within a sample");
  EXPECT_EQ(
      Outcome(WriteWav("ab", {.code = 2, .bits = 4})),
      "a WAV of format 2 with 4 bits: PCM of 8, 16, 24, 32 bits and floats of 32, 64 are read");
  EXPECT_EQ(Outcome(WriteWav("ab", {.num_channels = 0})), "corrupt WAV: it has 0 channels");
  EXPECT_EQ(Outcome(WriteWav("ab", {.num_channels = 65})), "corrupt WAV: it has 65 channels");
  EXPECT_EQ(Outcome(WriteWav("ab", {.rate = 0})), "corrupt WAV: its rate is 0 Hz");
  EXPECT_EQ(Outcome(WriteWav("ab", {.rate = 1'000'000})), "corrupt WAV: its rate is 1000000 Hz");
  std::string file = WriteWav("abcd");
  file[32] = 3;
  EXPECT_EQ(Outcome(file), "corrupt WAV: its frames have 3 bytes, which is not 1 × 16 bits");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Outcome(WriteWav(LittleEndian(0.5F) + LittleEndian(nan), {.code = 3, .bits = 32})),
            "corrupt WAV: sample 1 is not a finite number");
}

TEST(DecodeWavTest, NoTruncatedFileIsASound) {
  const std::string file = WriteWav("abcdefgh");
  ASSERT_EQ(Outcome(file), "sound");
  for (size_t size = 1; size < file.size(); ++size) {
    ASSERT_THAT(Outcome(file.substr(0, size)),
                AnyOf(StartsWith("truncated WAV: "), StartsWith("no WAV: ")))
        << size;
  }
}

TEST(DecodeWavTest, AnyByteMayBeWrong) {
  const std::string file = WavOf(Chunk("LIST", "odd") + Chunk("fmt ", WavFormat()) +
                                 Chunk("data", std::string(32, 'x')));
  for (size_t at = 0; at < file.size(); ++at) {
    for (int flip = 1; flip < 256; ++flip) {
      std::string broken = file;
      broken[at] = static_cast<char>(broken[at] ^ flip);
      EXPECT_FALSE(Outcome(broken).empty());  // a sound or an error, never a crash
    }
  }
}

// --- resample ---

StepSpec ResampleStep(int64_t to) {
  StepSpec step = Native("audio.resample", {{"to", to}}, "f32[M]");
  step.arguments = {{"samples", "in"}, {"rate", "rate"}};
  return step;
}

Result<Column> Resampled(std::vector<at::Tensor> rows, std::vector<int64_t> rates, int64_t to) {
  const Batch batch = MakeBatch(
      S({{"in", "f32[N]"}, {"rate", "i64"}}),
      {Column::FromRows(std::move(rows), T("f32[N]")), Column(at::tensor(rates, at::kLong))});
  Result<Batch> out = RunStep(ResampleStep(to), batch);
  if (!out) return std::move(out).error();
  return out->column(0);
}

/// 24 samples without a pattern that a filter would hide.
at::Tensor Noise() {
  std::vector<float> samples;
  for (int i = 0; i < 24; ++i) samples.push_back(static_cast<float>(i * 7919 % 64 - 32) / 32.0F);
  return at::tensor(samples);
}

// The numbers are those of torchaudio.functional.resample, 2.11.0; functions_test.py compares more.
TEST(ResampleTest, EqualsTorchaudio) {
  const auto expect = [](int64_t from, int64_t to, const std::vector<float>& samples) {
    const Result<Column> out = Resampled({Noise()}, {from}, to);
    ASSERT_TRUE(out.ok()) << out.error().message;
    EXPECT_TRUE(at::allclose(out->Row(0), at::tensor(samples), 0.0, 2e-6)) << Text(out);
  };
  expect(
      48'000, 32'000,
      {-0.497038F, 0.16459F, -0.310762F, 0.790253F, -0.422955F, 0.014483F, 0.460211F, -0.775229F,
       0.37875F, -0.207872F, -0.628736F, 0.257723F, -0.305127F, 0.83072F, -0.398575F, 0.063033F});
  expect(44'100, 16'000,
         {-0.300704F, 0.111793F, 0.107221F, -0.032173F, -0.064354F, -0.233068F, -0.149381F,
          0.275912F, -0.03582F});
}

TEST(ResampleTest, LengthsAreRoundedUp) {
  for (const auto& [from, to, length] : {std::tuple<int64_t, int64_t, int64_t>{8'000, 16'000, 48},
                                         {16'000, 44'100, 67},
                                         {44'100, 44'099, 24},
                                         {768'000, 1, 1},
                                         {1, 768'000, 24 * 768'000}}) {
    EXPECT_EQ(Resampled({Noise()}, {from}, to)->Row(0).size(0), length) << from << " → " << to;
  }
}

TEST(ResampleTest, TheSameRateIsNotCopiedAndSilenceStaysSilent) {
  const Column out =
      *Resampled({Noise(), at::zeros({0}), at::zeros({3})}, {8'000, 4'000, 4'000}, 8'000);
  EXPECT_TRUE(at::equal(out.Row(0), Noise()));
  EXPECT_EQ(Text(out.Row(1)), "[]");
  EXPECT_EQ(Text(out.Row(2)), "[0, 0, 0, 0, 0, 0]");
}

TEST(ResampleTest, ARateThatIsNoneIsAnErrorOfItsRow) {
  EXPECT_EQ(Text(Resampled({Noise(), Noise()}, {8'000, 0}, 16'000)),
            "failed: row 2: a rate of 0 Hz: 1 to 768000 can be resampled");
  EXPECT_EQ(
      Text(Resampled({at::zeros({1'000'000})}, {1}, 16'000)),
      "failed: row 1: 1000000 samples at 1 Hz are too many: the limit is 268435456 of what comes "
      "out");
  EXPECT_EQ(MakeError(ResampleStep(0), {S({{"in", "f32[N]"}, {"rate", "i64"}})}),
            "invalid argument: audio.resample: `to` must be 1 to 768000 Hz");
}

}  // namespace
}  // namespace raceway::operators
