#include <gtest/gtest.h>

#include "engine/data/text_tensor.h"
#include "tests/operators/images.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

StepSpec Labels() { return Native("labels.lookup", {{"file", "labels.txt"}}, "string"); }

TEST(LabelsTest, LineIIsLabelI) {
  TempFolder folder;
  folder.Write("labels.txt", "cat\r\négyptian mau\n\nlast");
  EXPECT_EQ(Text(RunOn(Labels(), "i64", Ints({1, 0, 3, 2}), folder.path())),
            "'égyptian mau' 'cat' 'last' ''");
}

TEST(LabelsTest, AnIndexOutOfRangeIsAnErrorOfItsRow) {
  TempFolder folder;
  folder.Write("labels.txt", "cat\ndog\n");
  EXPECT_EQ(Text(RunOn(Labels(), "i64", Ints({1, 2}), folder.path())),
            "failed: row 2: no label 2 in labels.txt, which has 2");
  EXPECT_EQ(Text(RunOn(Labels(), "i64", Ints({-1}), folder.path())),
            "failed: row 1: no label -1 in labels.txt, which has 2");
}

TEST(LabelsTest, ManyIndicesHaveManyLabels) {
  TempFolder folder;
  folder.Write("labels.txt", "cat\ndog\nowl\n");
  const StepSpec step = Native("labels.lookup_all", {{"file", "labels.txt"}}, "string[K]");
  const Result<Column> out =
      RunOn(step, "i64[K]", Ragged({{2, 0}, {}, {1}}, at::kLong), folder.path());
  ASSERT_TRUE(out.ok()) << out.error().message;
  const auto labels = [&](int64_t row) { return engine::Unpack(out->text()[row])->elements; };
  EXPECT_EQ(labels(0), (std::vector<std::string_view>{"owl", "cat"}));
  EXPECT_EQ(labels(1), std::vector<std::string_view>());
  EXPECT_EQ(labels(2), std::vector<std::string_view>{"dog"});
  EXPECT_EQ(Text(RunOn(step, "i64[K]", Ragged({{2}, {0, 3}}, at::kLong), folder.path())),
            "failed: row 2: no label 3 in labels.txt, which has 3");
}

TEST(LabelsTest, AMissingFileIsSaidAtOnce) {
  TempFolder folder;
  const SchemaPtr in = S({{"in", "i64"}});
  EXPECT_EQ(MakeError(Labels(), {in}, folder.path()),
            "unavailable: labels.lookup: cannot read labels.txt: No such file or directory");
  folder.Write("labels.txt", "cat\n\xFF\n");
  EXPECT_EQ(MakeError(Labels(), {in}, folder.path()),
            "invalid argument: labels.lookup: labels.txt:2 is not UTF-8");
  EXPECT_EQ(MakeError(Native("labels.lookup", {}, "string"), {in}),
            "invalid argument: labels.lookup: setting `file` cannot be left out");
  EXPECT_EQ(MakeError(Native("labels.lookup", {{"file", "."}}, "string"), {in}, folder.path()),
            "unavailable: labels.lookup: cannot read .: Is a directory");
}

TEST(NativeTest, RefusesWhatDoesNotFitItsContract) {
  TempFolder folder;
  folder.Write("labels.txt", "cat\n");
  const SchemaPtr in = S({{"in", "i64"}});
  StepSpec step = Labels();
  EXPECT_EQ(MakeError(step, {S({{"in", "f32"}})}, folder.path()),
            "invalid argument: labels.lookup: wants `index: i64`, `in` is f32");
  EXPECT_EQ(MakeError(step, {S({{"other", "i64"}})}, folder.path()),
            "invalid argument: labels.lookup: wants `index: i64`, there is no column `in`");
  step.arguments.clear();
  EXPECT_EQ(MakeError(step, {in}, folder.path()),
            "invalid argument: labels.lookup: takes 1 arguments, not 0");
  step = Labels();
  step.results.clear();
  step.outputs = {*in};
  EXPECT_EQ(MakeError(step, {in}, folder.path()),
            "invalid argument: labels.lookup: has 1 results, not 0");
  EXPECT_EQ(MakeError(Native("labels.find", {}, "string"), {in}),
            "unsupported: no native function `labels.find`");
  step.options.clear();
  EXPECT_EQ(MakeError(step, {in}), "invalid argument: native wants the option `function`");
}

TEST(NativeTest, CarriesTheOtherColumnsAndNeedNotDefineItsOwn) {
  TempFolder folder;
  folder.Write("labels.txt", "cat\ndog\n");
  const Batch rows = MakeBatch(S({{"in", "i64"}, {"x", "f32"}}), {Ints({1}), Floats({0.5})});
  StepSpec step = Labels();
  step.outputs = {*S({{"x", "f32"}, {"out", "string"}})};
  EXPECT_EQ(Text(RunStep(step, rows, folder.path())), "#0 x=0.5 out='dog'\n");
  step.outputs = {*S({{"x", "f32"}})};
  step.unread = *S({{"out", "string"}});
  EXPECT_EQ(Text(RunStep(step, rows, folder.path())), "#0 x=0.5\n");
}

TEST(NativeTest, StopsBetweenRows) {
  const StepSpec step = Native("image.decode", {}, "u8[H, W, 3]");
  const Batch rows = MakeBatch(S({{"in", "bytes"}}), {Texts({"not an image"})});
  const Result<AnyOperator> made = Make(step, {rows.schema()});
  engine::CancelToken cancel;
  cancel.Cancel();
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  EXPECT_EQ(Text(std::get<std::unique_ptr<engine::Operator>>(*made)->Run(rows, context)),
            "cancelled: the request was cancelled");
}

}  // namespace
}  // namespace raceway::operators
