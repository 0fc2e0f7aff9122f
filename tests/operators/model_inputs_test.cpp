#include "operators/model.h"

#include <gtest/gtest.h>

#include "operators/models/inputs.h"
#include "tests/operators/models.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

using ModelInputsTest = ModelTest;

TEST_F(ModelInputsTest, AListOfTensorsTakesRowsOfAnyShapeInOneCall) {
  Save(
      "def forward(self, rows: List[Tensor]):\n"
      "  sums: List[Tensor] = []\n"
      "  for row in rows:\n"
      "    sums.append(row.sum() + 100. * len(rows))\n"
      "  return torch.stack(sums)\n");
  const StepSpec step = Step({"x"}, {{"y", "f32"}});
  EXPECT_EQ(RunText(step, MakeBatch(S({{"x", "f32[N]"}}), {Ragged({{1, 2}, {3}, {4, 5}})})),
            "#0 y=303\n#1 y=303\n#2 y=309\n");
  EXPECT_EQ(RunText(step, rows_), "#0 y=303\n#1 y=307\n#2 y=311\n");
}

TEST_F(ModelInputsTest, StringsGoInAsAList) {
  Save(
      "def forward(self, texts: List[str]):\n"
      "  sizes: List[int] = []\n"
      "  for text in texts:\n"
      "    sizes.append(len(text))\n"
      "  return sizes, [text.upper() for text in texts]\n");
  const StepSpec step = Step({"t"}, {{"size", "i64"}, {"loud", "string"}});
  const Batch rows = MakeBatch(S({{"t", "string"}}), {Texts({"a", "bcd", ""})});
  EXPECT_EQ(RunText(step, rows), "#0 size=1 loud='A'\n#1 size=3 loud='BCD'\n#2 size=0 loud=''\n");
  EXPECT_EQ(RunText(step, rows), RowByRowText(step, rows));
}

TEST_F(ModelInputsTest, ANumberOrAStringIsThatOfItsRow) {
  Save(
      "def forward(self, x, k: int, by: float, how: str):\n"
      "  y = x.sum(-1) * k if how == 'times' else x.sum(-1) + by\n"
      "  return y + 1000. * float(x.size(0))\n");
  const StepSpec step = Step({"x", "k", "by", "how"}, {{"y", "f32"}});
  const SchemaPtr in = S({{"x", "f32[1]"}, {"k", "i64"}, {"by", "f32"}, {"how", "string"}});
  const auto run = [&](const std::vector<int64_t>& k, const std::vector<std::string>& how) {
    return RunText(
        step, MakeBatch(in, {Vectors({{1}, {2}, {3}}), Ints(k), Floats({5, 5, 5}), Texts(how)}));
  };
  EXPECT_EQ(run({2, 2, 2}, {"times", "times", "times"}), "#0 y=3002\n#1 y=3004\n#2 y=3006\n");
  EXPECT_EQ(run({2, 3, 2}, {"times", "times", "times"}), "#0 y=2002\n#1 y=1006\n#2 y=2006\n");
  EXPECT_EQ(run({2, 2, 2}, {"times", "plus", "times"}), "#0 y=2002\n#1 y=1007\n#2 y=2006\n");
}

TEST_F(ModelInputsTest, SaysWhichParameterIsOfAnotherKind) {
  Save("def forward(self, x, n: int):\n  return x * n\n");
  const auto error = [this](const std::string& x, const std::string& n) {
    return MakeError(Step({"a", "b"}, {{"y", "f32[2]"}}), {S({{"a", x}, {"b", n}})},
                     folder_.path());
  };
  EXPECT_EQ(error("f32[2]", "i64"), "");
  EXPECT_EQ(error("f32[2]", "f32"),
            "invalid argument: model small: `forward` takes `n: int`, declared `b: f32`");
  EXPECT_EQ(error("string", "i64"),
            "invalid argument: model small: `forward` takes `x: Tensor`, declared `a: string`");
  Save("def forward(self, x: Dict[str, Tensor]):\n  return x['a']\n");
  EXPECT_EQ(MakeError(doubling_, {rows_.schema()}, folder_.path()),
            "invalid argument: model small: `forward` takes `x: Dict[str, Tensor]`, declared "
            "`x: f32[2]`");
}

TEST_F(ModelInputsTest, RowsOfOneShapeRunTogether) {
  Save("def forward(self, x):\n  return x.sum(-1) + 100. * float(x.size(0))\n");
  const StepSpec step = Step({"x"}, {{"y", "f32"}});
  const SchemaPtr in = S({{"x", "f32[N]"}});
  const auto run = [&](Column column) { return RunText(step, MakeBatch(in, {std::move(column)})); };
  EXPECT_EQ(run(Ragged({{1, 2}, {3}, {4, 5}, {6}, {7, 8}})),
            "#0 y=303\n#1 y=203\n#2 y=309\n#3 y=206\n#4 y=315\n");
  EXPECT_EQ(run(Ragged({{1, 2}, {3, 4}})), "#0 y=203\n#1 y=207\n");
}

TEST_F(ModelInputsTest, RaggedOutputsComeBackInOrder) {
  Save("def forward(self, x, k):\n  return x * k.unsqueeze(-1), x.sum(-1)\n");
  const StepSpec step = Step({"x", "k"}, {{"y", "f32[N]"}, {"t", "f32"}});
  const Batch rows = MakeBatch(S({{"x", "f32[N]"}, {"k", "f32"}}),
                               {Ragged({{1, 2}, {3}, {4, 5}}), Floats({1, 10, 100})});
  EXPECT_EQ(RunText(step, rows), "#0 y=[1, 2] t=3\n#1 y=[30] t=3\n#2 y=[400, 500] t=9\n");
  EXPECT_EQ(RunText(step, rows), RowByRowText(step, rows));
}

TEST_F(ModelInputsTest, AModelThatWritesIntoItsInputGetsACopy) {
  Save("def forward(self, x):\n  y = x[:, :1]\n  y.mul_(10.)\n  return x.relu_()\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[10, 2]\n#1 y=[30, 4]\n#2 y=[50, 6]\n");
  EXPECT_EQ(Text(rows_.column(0)), "[1, 2] [3, 4] [5, 6]");
}

TEST_F(ModelInputsTest, OthersGetTheColumnItself) {
  Save("def forward(self, x):\n  return x\n");
  const Result<Batch> out = RunStep(doubling_, rows_, folder_.path());
  EXPECT_EQ(DataOf(out->column(0)), DataOf(rows_.column(0)));
}

TEST_F(ModelInputsTest, ConstantsCanBeViewed) {
  Save("def forward(self, x):\n  return x.view(-1)\n");
  const Batch rows(S({{"x", "f32"}}), {*Column::Constant(Value(0.5), T("f32"), 2)}, 2);
  EXPECT_EQ(RunText(Step({"x"}, {{"y", "f32"}}), rows), "#0 y=0.5\n#1 y=0.5\n");
}

TEST(RowsByCallTest, CutsWhatIsMoreThanACallTakes) {
  const auto sizes = [](std::span<const Column> args, int64_t num_rows) {
    const std::vector<ModelParameter> parameters(args.size());
    std::string text;
    for (const auto& rows : RowsByCall(args, parameters, {}, num_rows, 64)) {
      text += std::to_string(rows.front()) + "-" + std::to_string(rows.back()) + " (" +
              std::to_string(rows.size()) + ") ";
    }
    return text;
  };
  EXPECT_EQ(sizes({}, 64), "");
  EXPECT_EQ(sizes({}, 65), "0-31 (32) 32-64 (33) ");
  EXPECT_EQ(sizes({}, 193), "0-47 (48) 48-95 (48) 96-143 (48) 144-192 (49) ");
  std::vector<std::vector<double>> rows(70, {1});
  rows[1] = {1, 2};
  const std::vector<Column> args = {Ragged(rows)};
  EXPECT_EQ(sizes(args, 70), "0-34 (34) 35-69 (35) 1-1 (1) ");
}

}  // namespace
}  // namespace raceway::operators
