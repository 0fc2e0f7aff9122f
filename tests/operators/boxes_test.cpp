#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/operators/images.h"

// The answers of Python's packages are compared in functions_test.py; here are the edges.

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A step that calls a native function of several columns, which are called as its parameters.
StepSpec Calls(const std::string& function, const std::vector<std::string>& params,
               const std::vector<std::pair<std::string, std::string>>& results,
               Value::Record settings = {}) {
  StepSpec step = Native(function, std::move(settings), "f32");
  step.arguments.clear();
  for (const std::string& param : params) step.arguments.emplace_back(param, param);
  step.results.clear();
  std::vector<engine::Field> fields;
  for (const auto& [name, type] : results) {
    step.results.emplace_back(name, name);
    fields.push_back({name, T(type)});
  }
  step.outputs = {engine::Schema(std::move(fields))};
  return step;
}

at::Tensor Boxes(const std::vector<double>& sides) {
  return Row(sides, {static_cast<int64_t>(sides.size()) / 4, 4});
}
Column Rows(std::vector<at::Tensor> rows, const std::string& type) {
  return Column::FromRows(std::move(rows), T(type));
}

// --- non-maximum suppression ---

std::string Kept(const std::vector<at::Tensor>& boxes, const std::vector<at::Tensor>& scores,
                 Value::Record settings = {}) {
  const Batch batch = MakeBatch(S({{"boxes", "f32[N, 4]"}, {"scores", "f32[M]"}}),
                                {Rows(boxes, "f32[N, 4]"), Rows(scores, "f32[M]")});
  const StepSpec step =
      Calls("boxes.nms", {"boxes", "scores"}, {{"kept", "i64[K]"}}, std::move(settings));
  const Result<Batch> out = RunStep(step, batch);
  return out.ok() ? Text(out->column(0)) : out.error().Text();
}

const std::vector<double> kThree = {0, 0, 10, 10, 1, 1, 11, 11, 20, 20, 30, 30};

TEST(NmsTest, KeepsTheHighestOfEachHeap) {
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0.5, 0.9, 0.7}, {3})}), "[1, 2]");
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0.5, 0.5, 0.5}, {3})}), "[0, 2]");  // the first of equals
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0.5, 0.9, 0.7}, {3})}, {{"overlap", 0.7}}), "[1, 2, 0]");
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0.5, 0.9, 0.7}, {3})}, {{"max", int64_t{1}}}), "[1]");
}

TEST(NmsTest, TheShareMayBeOfTheSmallerBox) {
  const at::Tensor nested = Boxes({0, 0, 100, 100, 10, 10, 20, 20});
  EXPECT_EQ(Kept({nested}, {Row({0.9, 0.8}, {2})}), "[0, 1]");
  EXPECT_EQ(Kept({nested}, {Row({0.9, 0.8}, {2})}, {{"of", "smaller"}}), "[0]");
}

TEST(NmsTest, RowsDifferInLengthAndMayBeEmpty) {
  EXPECT_EQ(Kept({Boxes(kThree), at::zeros({0, 4})}, {Row({0.5, 0.9, 0.7}, {3}), at::zeros({0})}),
            "[1, 2] []");
  EXPECT_EQ(Kept({at::zeros({0, 4})}, {at::zeros({0})}), "[]");
}

TEST(NmsTest, BoxesWithoutAreaHideNothing) {
  EXPECT_EQ(Kept({Boxes({5, 5, 5, 5, 5, 5, 5, 5, 9, 9, 1, 1})}, {Row({0.5, 0.6, 0.7}, {3})}),
            "[2, 1, 0]");
}

TEST(NmsTest, RefusesWhatIsNoNumber) {
  EXPECT_EQ(Kept({Boxes(kThree), Boxes({0, 0, kNan, 1})}, {Row({0, 0, 0}, {3}), Row({0}, {1})}),
            "row 2: box 0 (0, 0, nan, 1) has a side that is no number");
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0.5, kNan, 0}, {3})}), "row 1: score 1 is no number");
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0.5, 0.9}, {2})}), "row 1: 3 boxes want as many scores");
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0, 0, 0}, {3})}, {{"overlap", 1.5}}),
            "boxes.nms: `overlap` must be 0 to 1");
  EXPECT_EQ(Kept({Boxes(kThree)}, {Row({0, 0, 0}, {3})}, {{"max", int64_t{0}}}),
            "boxes.nms: `max` must be at least 1");
}

TEST(NmsTest, ByClassOnlyTheSameHide) {
  const Batch batch =
      MakeBatch(S({{"boxes", "f32[N, 4]"}, {"scores", "f32[N]"}, {"classes", "i64[N]"}}),
                {Rows({Boxes(kThree)}, "f32[N, 4]"), Rows({Row({0.5, 0.9, 0.7}, {3})}, "f32[N]"),
                 Rows({Row({1, 2, 1}, {3}, at::kLong)}, "i64[N]")});
  const StepSpec step =
      Calls("boxes.nms_by_class", {"boxes", "scores", "classes"}, {{"kept", "i64[K]"}});
  EXPECT_EQ(Text(RunStep(step, batch)->column(0)), "[1, 2, 0]");
}

// --- from a map of scores ---

StepSpec FromHeatmap(Value::Record settings = {
                         {"threshold", 0.5}, {"stride", int64_t{2}}, {"cell", int64_t{12}}}) {
  return Calls("boxes.from_heatmap", {"scores", "values", "scale"},
               {{"boxes", "f32[N, 4]"}, {"high", "f32[N]"}, {"there", "f32[N, C]"}},
               std::move(settings));
}
Result<Batch> Found(const at::Tensor& scores, const at::Tensor& values, double scale) {
  return RunStep(
      FromHeatmap(),
      MakeBatch(S({{"scores", "f32[h, w]"}, {"values", "f32[C, H, W]"}, {"scale", "f64"}}),
                {Column(scores.unsqueeze(0)), Column(values.unsqueeze(0)),
                 Column(Row({scale}, {1}, at::kDouble))}));
}

TEST(FromHeatmapTest, EachHighPlaceIsABox) {
  const at::Tensor scores = Row({0.1, 0.5, 0.9, 0.2, 0.3, 0.7}, {2, 3});
  const at::Tensor values = Row({0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}, {2, 2, 3});
  EXPECT_EQ(Text(Found(scores, values, 0.5)),
            "#0 boxes=[[6, 2, 28, 24], [10, 2, 32, 24], [10, 6, 32, 28]] high=[0.5, 0.9, 0.7] "
            "there=[[1, 11], [2, 12], [5, 15]]\n");
  EXPECT_EQ(Text(Found(at::zeros({2, 3}), values, 0.5)), "#0 boxes=[] high=[] there=[]\n");
  EXPECT_EQ(Text(Found(at::zeros({0, 3}), at::zeros({2, 0, 3}), 0.5)),
            "#0 boxes=[] high=[] there=[]\n");
}

TEST(FromHeatmapTest, RefusesWhatIsNoNumber) {
  EXPECT_EQ(Text(Found(at::zeros({2, 3}), at::zeros({2, 2, 3}), 0.0)),
            "failed: row 1: the scale must be above 0");
  EXPECT_EQ(Text(Found(at::full({2, 3}, kNan), at::zeros({2, 2, 3}), 1.0)),
            "failed: row 1: score 0 is no number");
  EXPECT_EQ(Text(Found(at::zeros({2, 3}), at::zeros({2, 3, 3}), 1.0)),
            "failed: row 1: the maps of scores and of values differ in size");
}

// --- letterbox ---

TEST(LetterboxTest, KeepsTheProportionsAndSaysTheWayBack) {
  const StepSpec step = Calls("image.letterbox", {"px"},
                              {{"square", "u8[8, 8, 3]"}, {"scale", "f32"}, {"offset", "f32[2]"}},
                              {{"fill", int64_t{7}}});
  const Batch images = MakeBatch(
      S({{"px", "u8[H, W, 3]"}}),
      {Column::FromRows({Pattern(4, 16), Pattern(8, 4), Pattern(1, 100)}, T("u8[H, W, 3]"))});
  const Result<Batch> out = RunStep(step, images);
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(Text(out->column(1)), "0.5 1 0.08");
  EXPECT_EQ(Text(out->column(2)), "[0, 3] [2, 0] [0, 3]");
  const at::Tensor tall = out->column(0).Row(1);
  EXPECT_TRUE(at::equal(tall.narrow(1, 2, 4), Pattern(8, 4)));
  EXPECT_TRUE(at::equal(tall.narrow(1, 0, 2), at::full({8, 2, 3}, 7, at::kByte)));

  const Batch boxes = MakeBatch(
      S({{"boxes", "f32[N, 4]"}, {"scale", "f32"}, {"offset", "f32[2]"}}),
      {Rows({Boxes({0, 3, 8, 5})}, "f32[N, 4]"), Floats({0.5}), Column(Row({0, 3}, {1, 2}))});
  const StepSpec back =
      Calls("boxes.unletterbox", {"boxes", "scale", "offset"}, {{"out", "f32[N, 4]"}});
  EXPECT_EQ(Text(RunStep(back, boxes)->column(0)), "[[0, 0, 16, 4]]");
}

TEST(LetterboxTest, KnowsTheSizeOfAnImageThatNobodyReads) {
  StepSpec step = Calls("image.letterbox", {"px"},
                        {{"square", "u8[8, 8, 3]"}, {"scale", "f32"}, {"offset", "f32[2]"}});
  step.outputs = {*S({{"scale", "f32"}})};
  step.unread = *S({{"square", "u8[8, 8, 3]"}, {"offset", "f32[2]"}});
  const Batch images = MakeBatch(S({{"px", "u8[H, W, 3]"}}), {Column(Pattern(4, 16).unsqueeze(0))});
  EXPECT_EQ(Text(RunStep(step, images)), "#0 scale=0.5\n");
  step.unread = {};
  EXPECT_EQ(MakeError(step, {images.schema()}),
            "invalid argument: image.letterbox: gives `px: u8[h, w, 3]`, the plan does not declare "
            "it");
}

TEST(LetterboxTest, WantsASizeAndAnImage) {
  const SchemaPtr in = S({{"px", "u8[H, W, 3]"}});
  const auto step = [](const std::string& type, Value::Record settings = {}) {
    return Calls("image.letterbox", {"px"},
                 {{"square", type}, {"scale", "f32"}, {"offset", "f32[2]"}}, std::move(settings));
  };
  EXPECT_EQ(MakeError(step("u8[h, 8, 3]"), {in}),
            "invalid argument: image.letterbox: wants a result with both sizes, this is "
            "u8[h, 8, 3]");
  EXPECT_EQ(MakeError(step("u8[8, 8, 3]", {{"fill", int64_t{256}}}), {in}),
            "invalid argument: image.letterbox: `fill` must be 0 to 255");
  EXPECT_EQ(Text(RunStep(step("u8[8, 8, 3]"), MakeBatch(in, {Column(Pattern(0, 5).unsqueeze(0))}))),
            "failed: row 1: the image has no pixels");
}

// --- crops ---

Result<Batch> Crops(const at::Tensor& image, const at::Tensor& boxes) {
  const Batch batch = MakeBatch(S({{"px", "u8[H, W, 3]"}, {"boxes", "f32[N, 4]"}}),
                                {Column(image.unsqueeze(0)), Column(boxes.unsqueeze(0))});
  return RunStep(Calls("image.crop_boxes", {"px", "boxes"}, {{"crops", "u8[N, 2, 2, 3]"}}), batch);
}

TEST(CropBoxesTest, WidensToWholePixelsAndCutsAtTheEdge) {
  const at::Tensor image = Pattern(6, 5);
  const Result<Batch> out = Crops(image, Boxes({1, 2, 3, 4, 1.2, 2.9, 2.1, 3.5, -7, -9, 2, 2}));
  ASSERT_TRUE(out.ok()) << out.error().message;
  const at::Tensor crops = out->column(0).Row(0);
  EXPECT_TRUE(at::equal(crops[0], image.narrow(0, 2, 2).narrow(1, 1, 2)));
  EXPECT_TRUE(at::equal(crops[1], crops[0]));
  EXPECT_TRUE(at::equal(crops[2], image.narrow(0, 0, 2).narrow(1, 0, 2)));
  EXPECT_EQ(Crops(image, at::zeros({0, 4}))->column(0).Row(0).sizes(),
            (std::vector<int64_t>{0, 2, 2, 3}));
}

TEST(CropBoxesTest, ABoxWithoutPixelsIsAnErrorOfItsRow) {
  EXPECT_EQ(Text(Crops(Pattern(6, 5), Boxes({1, 2, 3, 4, 5, 0, 9, 9}))),
            "failed: row 1: box 1 (5, 0, 9, 9) has no pixel in an image of 5 × 6");
  EXPECT_EQ(Text(Crops(Pattern(6, 5), Boxes({3, 4, 1, 2}))),
            "failed: row 1: box 0 (3, 4, 1, 2) has no pixel in an image of 5 × 6");
  EXPECT_EQ(Text(Crops(Pattern(6, 5), Boxes({1, 2, kNan, 4}))),
            "failed: row 1: box 0 (1, 2, nan, 4) has a side that is no number");
  EXPECT_EQ(MakeError(Calls("image.crop_boxes", {"px", "boxes"}, {{"crops", "u8[N, 2, w, 3]"}}),
                      {S({{"px", "u8[H, W, 3]"}, {"boxes", "f32[N, 4]"}})}),
            "invalid argument: image.crop_boxes: wants a result with both sizes, this is "
            "u8[N, 2, w, 3]");
}

// --- sizes that rows say ---

TEST(ResizeToTest, EachRowHasItsSize) {
  const SchemaPtr in = S({{"px", "u8[H, W, 3]"}, {"height", "i64"}, {"width", "i64"}});
  const StepSpec step = Calls("image.resize_to", {"px", "height", "width"},
                              {{"out", "u8[h, w, 3]"}}, {{"filter", "area"}});
  const Column images = Column::FromRows({Pattern(4, 4), Pattern(6, 2)}, T("u8[H, W, 3]"));
  const Result<Batch> out = RunStep(step, MakeBatch(in, {images, Ints({2, 3}), Ints({1, 4})}));
  EXPECT_EQ(out->column(0).Row(0).sizes(), (std::vector<int64_t>{2, 1, 3}));
  EXPECT_EQ(out->column(0).Row(1).sizes(), (std::vector<int64_t>{3, 4, 3}));
  EXPECT_EQ(Text(RunStep(step, MakeBatch(in, {images, Ints({2, 0}), Ints({1, 4})}))),
            "failed: row 2: an image cannot become 4 × 0 pixels");
  EXPECT_EQ(Text(RunStep(step, MakeBatch(in, {images, Ints({2, 30'000}), Ints({1, 30'000})}))),
            "failed: row 2: an image of 30000 × 30000 pixels: the limit is 178956970 pixels");
}

TEST(PyramidTest, GoesDownToTheWindow) {
  const auto scales = [](int64_t height, int64_t width, Value::Record settings) {
    const Batch batch =
        MakeBatch(S({{"px", "u8[H, W, 3]"}}), {Column(Pattern(height, width).unsqueeze(0))});
    const Result<Batch> out =
        RunStep(Calls("image.pyramid", {"px"}, {{"scales", "f64[K]"}}, std::move(settings)), batch);
    return out.ok() ? Text(out->column(0)) : out.error().Text();
  };
  const Value::Record half = {{"window", int64_t{12}}, {"smallest", int64_t{24}}, {"factor", 0.5}};
  EXPECT_EQ(scales(100, 200, half), "[0.5, 0.25, 0.125]");
  EXPECT_EQ(scales(23, 500, half), "[]");
  EXPECT_EQ(scales(0, 500, half), "[]");
  EXPECT_EQ(scales(100, 200, {{"window", int64_t{12}}, {"smallest", int64_t{24}}, {"factor", 1.0}}),
            "image.pyramid: `factor` must be above 0, at most 0.99");
}

// --- drawing and writing ---

Result<Batch> Drawn(const at::Tensor& image, const at::Tensor& boxes, Value::Record settings) {
  const Batch batch = MakeBatch(S({{"px", "u8[H, W, 3]"}, {"boxes", "f32[N, 4]"}}),
                                {Column(image.unsqueeze(0)), Column(boxes.unsqueeze(0))});
  return RunStep(
      Calls("image.draw_boxes", {"px", "boxes"}, {{"out", "u8[H, W, 3]"}}, std::move(settings)),
      batch);
}

TEST(DrawBoxesTest, DrawsFramesAndLeavesTheImageAlone) {
  const at::Tensor image = at::zeros({5, 6, 3}, at::kByte);
  const Value::Record thin = {{"width", int64_t{1}}, {"colour", Value::List{9.0, 8.0, 7.0}}};
  const Result<Batch> out = Drawn(image, Boxes({1, 1, 5, 4, -100, -100, 1000, 1000}), thin);
  EXPECT_EQ(Text(out->column(0).Row(0).select(2, 0)),
            "[[0, 0, 0, 0, 0, 0], [0, 9, 9, 9, 9, 0], [0, 9, 0, 0, 9, 0], [0, 9, 9, 9, 9, 0], "
            "[0, 0, 0, 0, 0, 0]]");
  EXPECT_EQ(Text(out->column(0).Row(0)[1][1]), "[9, 8, 7]");
  EXPECT_EQ(image.sum().item<int64_t>(), 0);
  EXPECT_TRUE(
      at::equal(Drawn(Pattern(5, 6), at::zeros({0, 4}), thin)->column(0).Row(0), Pattern(5, 6)));
}

TEST(DrawBoxesTest, RefusesWhatIsNoNumber) {
  const at::Tensor image = Pattern(5, 6);
  EXPECT_EQ(Text(Drawn(image, Boxes({1, kNan, 2, 3}), {})),
            "failed: row 1: box 0 (1, nan, 2, 3) has a side that is no number");
  EXPECT_EQ(Text(Drawn(image, Boxes({}), {{"colour", Value::List{1.0, 2.0, 300.0}}})),
            "invalid argument: image.draw_boxes: `colour` wants three numbers of 0 to 255");
  EXPECT_EQ(Text(Drawn(image, Boxes({}), {{"width", int64_t{0}}})),
            "invalid argument: image.draw_boxes: `width` must be at least 1");
}

TEST(EncodePngTest, IsReadBackAsItWas) {
  const StepSpec encode = Native("image.encode_png", {}, "bytes");
  const StepSpec decode = Native("image.decode", {}, "u8[H, W, 3]");
  const Column images = Column::FromRows(
      {Pattern(13, 9), Pattern(1, 1), Pattern(4, 8).narrow(1, 2, 3)}, T("u8[H, W, 3]"));
  const Result<Column> files = RunOn(encode, "u8[H, W, 3]", images);
  ASSERT_TRUE(files.ok()) << files.error().message;
  const Result<Column> back = RunOn(decode, "bytes", *files);
  for (int64_t row = 0; row < 3; ++row) EXPECT_TRUE(at::equal(back->Row(row), images.Row(row)));
  EXPECT_EQ(Text(RunOn(encode, "u8[H, W, 3]", Column(Pattern(0, 5).unsqueeze(0)))),
            "failed: row 1: an image without pixels is no PNG");
}

}  // namespace
}  // namespace raceway::operators
