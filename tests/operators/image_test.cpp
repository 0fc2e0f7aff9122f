#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "tests/operators/images.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using Sizes = std::vector<int64_t>;

/// FNV-1a of the bytes.
uint64_t Hash(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  uint64_t hash = 14695981039346656037U;
  for (int64_t i = 0; i < dense.numel(); ++i) {
    hash = (hash ^ dense.const_data_ptr<uint8_t>()[i]) * 1099511628211U;
  }
  return hash;
}

Column Images(const std::vector<at::Tensor>& images) {
  return Column::FromRows(images, T("u8[H, W, 3]"));
}

at::Tensor Resized(const at::Tensor& image, const std::string& filter, int64_t height,
                   int64_t width) {
  const std::string type = "u8[" + std::to_string(height) + ", " + std::to_string(width) + ", 3]";
  const Result<Column> out =
      RunOn(Native("image.resize", {{"filter", filter}}, type), "u8[H, W, 3]", Images({image}));
  EXPECT_TRUE(out.ok()) << out.error().message;
  return out->Row(0);
}

Sizes SizeWithShorter(int64_t height, int64_t width, int64_t shorter) {
  const StepSpec step = Native("image.resize", {{"shorter", shorter}}, "u8[h, w, 3]");
  return RunOn(step, "u8[H, W, 3]", Images({Pattern(height, width)}))->Row(0).sizes().vec();
}

// The hashes are those of torch.nn.functional.interpolate(u8, antialias=True) in Python, 2.11.0.
TEST(ResizeTest, EqualsPythonBitForBit) {
  EXPECT_EQ(Text(Resized(Pattern(5, 7), "bilinear", 3, 4).view({-1})),
            "[65, 119, 133, 105, 94, 107, 152, 137, 79, 161, 111, 133, 123, 104, 144, 118, 110, "
            "142, 134, 105, 106, 126, 136, 112, 126, 144, 134, 136, 119, 132, 150, 114, 103, 98, "
            "85, 107]");
  EXPECT_EQ(Hash(Resized(Pattern(5, 7), "bicubic", 3, 4)), 0x594b2f21575cbd5bU);
  EXPECT_EQ(Hash(Resized(Pattern(64, 48), "bilinear", 33, 21)), 0x9d360332cd3c9913U);
  EXPECT_EQ(Hash(Resized(Pattern(64, 48), "bicubic", 33, 21)), 0xc43dbb16d2246e91U);
  EXPECT_EQ(Hash(Resized(Pattern(20, 31), "bilinear", 50, 77)), 0x32163eac6aff7894U);
  EXPECT_EQ(Hash(Resized(Pattern(20, 31), "bicubic", 50, 77)), 0x34e28babac56f42U);
}

TEST(ResizeTest, TheLongerSideFollowsTheShorter) {
  EXPECT_EQ(SizeWithShorter(64, 48, 22), (Sizes{29, 22, 3}));  // int(22 * 64 / 48) = 29
  EXPECT_EQ(SizeWithShorter(48, 64, 22), (Sizes{22, 29, 3}));
  EXPECT_EQ(SizeWithShorter(10, 10, 4), (Sizes{4, 4, 3}));
  EXPECT_EQ(SizeWithShorter(300, 451, 256), (Sizes{256, 384, 3}));
}

TEST(ResizeTest, TheSameSizeIsNotCopied) {
  const Column images = Images({Pattern(6, 5)});
  const StepSpec step = Native("image.resize", {}, "u8[6, 5, 3]");
  EXPECT_EQ(DataOf(*RunOn(step, "u8[H, W, 3]", images)), DataOf(images));
}

TEST(ResizeTest, BatchesAnswerLikeSingleRows) {
  const StepSpec step = Native("image.resize", {{"filter", "bicubic"}}, "u8[6, 5, 3]");
  for (const Column& images : {Images({Pattern(12, 9), Pattern(12, 9).flip(0)}),
                               Images({Pattern(4, 9), Pattern(12, 3)})}) {
    const Batch batch = MakeBatch(S({{"in", "u8[H, W, 3]"}}), {images});
    const Result<Batch> out = RunStep(step, batch);
    ASSERT_TRUE(out->column(0).is_dense());
    EXPECT_EQ(Text(out), TextRowByRow(step, batch));
  }
}

TEST(ResizeTest, WantsToKnowTheSize) {
  const auto error = [](Value::Record settings, const std::string& type) {
    return MakeError(Native("image.resize", std::move(settings), type),
                     {S({{"in", "u8[H, W, 3]"}})});
  };
  EXPECT_EQ(error({}, "u8[h, w, 3]"),
            "invalid argument: image.resize: wants the setting `shorter` or a result "
            "with both sizes, this is u8[h, w, 3]");
  EXPECT_EQ(error({{"shorter", int64_t{0}}}, "u8[h, w, 3]"),
            "invalid argument: image.resize: `shorter` must be at least 1");
  EXPECT_EQ(error({{"shorter", "big"}}, "u8[h, w, 3]"),
            "invalid argument: image.resize: setting `shorter` cannot be \"big\"");
  EXPECT_EQ(error({{"filter", "nearest"}}, "u8[4, 4, 3]"),
            "invalid argument: image.resize: setting `filter` cannot be \"nearest\"");
  EXPECT_EQ(error({{"size", int64_t{4}}}, "u8[4, 4, 3]"),
            "invalid argument: image.resize: no setting `size`");
  EXPECT_EQ(error({}, "f32[4, 4, 3]"),
            "invalid argument: image.resize: gives `px: u8[h, w, 3]`, declared f32[4, 4, 3]");
}

TEST(ResizeTest, AResultOfAnotherSizeIsAnErrorOfItsRow) {
  const StepSpec step = Native("image.resize", {{"shorter", int64_t{4}}}, "u8[4, 4, 3]");
  EXPECT_EQ(Text(RunOn(step, "u8[H, W, 3]", Images({Pattern(8, 8), Pattern(8, 16)}))),
            "failed: row 2: image.resize: result `out` is u8[4, 8, 3], declared u8[4, 4, 3]");
}

TEST(ResizeTest, DoesNotGrowBeyondTheLimit) {
  const StepSpec step = Native("image.resize", {{"shorter", int64_t{10'000}}}, "u8[h, w, 3]");
  EXPECT_EQ(Text(RunOn(step, "u8[H, W, 3]", Images({Pattern(1, 60)}))),
            "failed: an image of 600000 × 10000 pixels: the limit is 178956970 pixels");
}

// --- crop ---

TEST(CropTest, RoundsMarginsAsTorchvisionDoes) {
  const auto cropped = [](int64_t height, int64_t width) {
    const Result<Column> out = RunOn(Native("image.crop", {}, "u8[2, 2, 3]"), "u8[H, W, 3]",
                                     Images({Pattern(height, width)}));
    return out->Row(0);
  };
  const auto part = [](int64_t height, int64_t width, int64_t top, int64_t left) {
    return Pattern(height, width).narrow(0, top, 2).narrow(1, left, 2);
  };
  EXPECT_TRUE(at::equal(cropped(5, 3), part(5, 3, 2, 0)));  // 1.5 → 2, 0.5 → 0
  EXPECT_TRUE(at::equal(cropped(7, 9), part(7, 9, 2, 4)));  // 2.5 → 2, 3.5 → 4
  EXPECT_TRUE(at::equal(cropped(2, 4), part(2, 4, 0, 1)));
}

TEST(CropTest, IsAView) {
  const Column images = Images({Pattern(4, 4)});
  const Result<Column> out = RunOn(Native("image.crop", {}, "u8[4, 2, 3]"), "u8[H, W, 3]", images);
  EXPECT_EQ(DataOf(*out), images.Row(0).narrow(1, 1, 2).const_data_ptr());
}

TEST(CropTest, ATooSmallImageIsAnErrorOfItsRow) {
  const StepSpec step = Native("image.crop", {}, "u8[4, 4, 3]");
  EXPECT_EQ(Text(RunOn(step, "u8[H, W, 3]", Images({Pattern(9, 9), Pattern(3, 9)}))),
            "failed: row 2: an image of 9 × 3 pixels is too small for 4 × 4");
  EXPECT_EQ(MakeError(Native("image.crop", {}, "u8[h, 4, 3]"), {S({{"in", "u8[H, W, 3]"}})}),
            "invalid argument: image.crop: wants a result with both sizes, this is "
            "u8[h, 4, 3]");
}

// --- normalise ---

Value::Record ImageNet() {
  return {{"mean", Value::List{0.485, 0.456, 0.406}}, {"std", Value::List{0.229, 0.224, 0.225}}};
}

TEST(NormaliseTest, EqualsTheSameSumOnTensors) {
  const at::Tensor image = Pattern(16, 16);
  const Result<Column> out = RunOn(Native("image.normalise", ImageNet(), "f32[3, 16, 16]"),
                                   "u8[16, 16, 3]", Images({image}));
  ASSERT_TRUE(out.ok()) << out.error().message;
  const at::Tensor mean = Row({0.485, 0.456, 0.406}, {3, 1, 1});
  const at::Tensor std = Row({0.229, 0.224, 0.225}, {3, 1, 1});
  const at::Tensor expected = image.permute({2, 0, 1}).to(at::kFloat).div(255).sub(mean).div(std);
  EXPECT_TRUE(at::equal(out->Row(0), expected));
}

TEST(NormaliseTest, OneNumberIsForAllChannelsAndNoneForBytesOverAll) {
  const Column image = Images({Pattern(1, 2).fill_(51)});
  EXPECT_EQ(
      Text(RunOn(Native("image.normalise", {{"mean", 0.2}, {"std", int64_t{2}}}, "f32[3, 1, 2]"),
                 "u8[1, 2, 3]", image)),
      "[[[0, 0]], [[0, 0]], [[0, 0]]]");
  EXPECT_EQ(Text(RunOn(Native("image.normalise", {}, "f32[3, h, w]"), "u8[1, 2, 3]", image)),
            "[[[0.2, 0.2]], [[0.2, 0.2]], [[0.2, 0.2]]]");
}

TEST(NormaliseTest, TakesCropsAndRaggedColumns) {
  const at::Tensor image = Pattern(9, 9);
  const at::Tensor crop = image.narrow(0, 2, 4).narrow(1, 3, 4);
  const StepSpec step = Native("image.normalise", ImageNet(), "f32[3, h, w]");
  EXPECT_EQ(Text(RunOn(step, "u8[h, w, 3]", Images({crop}))),
            Text(RunOn(step, "u8[h, w, 3]", Images({crop.contiguous()}))));
  const Batch ragged = MakeBatch(S({{"in", "u8[h, w, 3]"}}), {Images({image, crop})});
  EXPECT_EQ(Text(RunStep(step, ragged)), TextRowByRow(step, ragged));
  // A planar image, as a model might give it.
  const at::Tensor planar = image.permute({2, 0, 1}).contiguous().permute({1, 2, 0});
  EXPECT_EQ(Text(RunOn(step, "u8[h, w, 3]", Images({planar}))),
            Text(RunOn(step, "u8[h, w, 3]", Images({image}))));
}

TEST(NormaliseTest, WantsOneNumberOrThree) {
  const auto error = [](Value::Record settings) {
    return MakeError(Native("image.normalise", std::move(settings), "f32[3, h, w]"),
                     {S({{"in", "u8[h, w, 3]"}})});
  };
  EXPECT_EQ(error({{"mean", Value::List{0.5, 0.5}}}),
            "invalid argument: image.normalise: `mean` must be one number or three");
  EXPECT_EQ(error({{"std", 0.0}}),
            "invalid argument: image.normalise: `std` must not be 0: it divides");
  EXPECT_EQ(error({{"std", "big"}}),
            "invalid argument: image.normalise: setting `std` cannot be \"big\"");
}

}  // namespace
}  // namespace raceway::operators
