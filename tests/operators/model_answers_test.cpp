#include "operators/model.h"

#include <gtest/gtest.h>

#include "tests/operators/models.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

using ModelAnswersTest = ModelTest;

TEST_F(ModelAnswersTest, AnswersWithATupleByPosition) {
  Save("def forward(self, x):\n  return x.sum(-1), x.argmax(-1)\n");
  const StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "i64"}});
  EXPECT_EQ(RunText(step, rows_), "#0 total=3 top=1\n#1 total=7 top=1\n#2 total=11 top=1\n");
}

TEST_F(ModelAnswersTest, AnswersWithADictionaryByName) {
  Save("def forward(self, x):\n  return {'top': x.argmax(-1).float(), 'total': x.sum(-1)}\n");
  StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "f32"}});
  EXPECT_EQ(RunText(step, rows_), "#0 total=3 top=1\n#1 total=7 top=1\n#2 total=11 top=1\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"conf", "f32"}}), rows_),
            "failed: model small: no output `conf` in the dictionary it answers with");
}

TEST_F(ModelAnswersTest, AnOutputNobodyReadsIsLeftOut) {
  Save("def forward(self, x):\n  return x.sum(-1), x\n");
  StepSpec step = Step({"x"}, {{"total", "f32"}, {"copy", "f32[2]"}});
  step.outputs = {*S({{"copy", "f32[2]"}})};
  EXPECT_EQ(RunText(step, rows_), "#0 copy=[1, 2]\n#1 copy=[3, 4]\n#2 copy=[5, 6]\n");
}

TEST_F(ModelAnswersTest, ChecksTheTypeOfItsOutputs) {
  Save("def forward(self, x):\n  return x\n");
  const auto run = [this](const std::string& type) {
    return RunText(Step({"x"}, {{"logits", type}}), rows_);
  };
  EXPECT_EQ(run("f32[1000]"), "failed: model small: output `logits` is f32[2], declared f32[1000]");
  EXPECT_EQ(run("f32"), "failed: model small: output `logits` is f32[2], declared f32");
  EXPECT_EQ(run("f64[2]"), "failed: model small: output `logits` is f32[2], declared f64[2]");
  EXPECT_EQ(run("f32[N]"), "#0 logits=[1, 2]\n#1 logits=[3, 4]\n#2 logits=[5, 6]\n");
}

TEST_F(ModelAnswersTest, ChecksTheRowsOfItsOutputs) {
  Save("def forward(self, x):\n  return x[:1]\n");
  EXPECT_EQ(RunText(doubling_, rows_), "failed: model small: output `y` has 1 rows, the input 3");
  Save("def forward(self, x):\n  return x.sum()\n", "n.pt");
  StepSpec step = Step({"x"}, {{"y", "f32"}});
  step.options[0].second = "n.pt";
  EXPECT_EQ(RunText(step, rows_), "failed: model small: output `y` has no rows dimension");
}

TEST_F(ModelAnswersTest, ComparesSymbolsOfItsArgumentsAndOutputs) {
  Save("def forward(self, x):\n  return x[:, 1:], torch.cat([x, x], 1)\n");
  const auto run = [&](const std::string& y, const std::string& z, Column x) {
    return RunText(Step({"x"}, {{"y", y}, {"z", z}}),
                   MakeBatch(S({{"x", "f32[N]"}}), {std::move(x)}));
  };
  EXPECT_EQ(run("f32[N-1]", "f32[N*2]", Ragged({{1}, {2, 3}})),
            "#0 y=[] z=[1, 1]\n#1 y=[3] z=[2, 3, 2, 3]\n");
  EXPECT_EQ(run("f32[N]", "f32[M]", Vectors({{1, 2}})),
            "failed: model small: `N` is 2 in `x` but 1 in `y`");
  EXPECT_EQ(run("f32[M]", "f32[M]", Ragged({{1}, {2, 3}})),
            "failed: row 1: model small: `M` is 0 in `y` but 2 in `z`");
  EXPECT_EQ(run("f32[M]", "f32[M+1]", Vectors({{1, 2}})),
            "failed: model small: dimension 1 of `z` is 4, `M+1` is 2 (`M` is 1)");
}

TEST_F(ModelAnswersTest, AnOutputNobodyReadsIsNotCompared) {
  Save("def forward(self, x):\n  return x, x[:, 1:]\n");
  StepSpec step = Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[N]"}});
  step.outputs = {*S({{"y", "f32[2]"}})};
  EXPECT_EQ(RunText(step, rows_), "#0 y=[1, 2]\n#1 y=[3, 4]\n#2 y=[5, 6]\n");
}

TEST_F(ModelAnswersTest, ChecksTheNumberAndKindOfItsOutputs) {
  Save("def forward(self, x):\n  return x, x\n");
  EXPECT_EQ(RunText(doubling_, rows_),
            "failed: model small: it answers with 2 outputs, declared 1");
  Save("def forward(self, x):\n  return x\n", "n.pt");
  StepSpec step = Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[2]"}});
  step.options[0].second = "n.pt";
  EXPECT_EQ(RunText(step, rows_), "failed: model small: it answers with 1 output, declared 2");
  Save("def forward(self, x):\n  return {1: x}\n", "l.pt");
  step = doubling_;
  step.options[0].second = "l.pt";
  EXPECT_EQ(RunText(step, rows_),
            "failed: model small: output `y` is no tensor but Dict[int, Tensor]");
}

TEST_F(ModelAnswersTest, TuplesInTuplesAreTakenApartInOrder) {
  Save("def forward(self, x):\n  return x.sum(-1), (x.argmax(-1), (x, x.size(0)))\n");
  const StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "i64"}, {"copy", "f32[2]"}});
  EXPECT_EQ(RunText(step, rows_), "failed: model small: it answers with 4 outputs, declared 3");
  Save("def forward(self, x):\n  return x.sum(-1), (x.argmax(-1), (x,))\n");
  EXPECT_EQ(RunText(step, rows_),
            "#0 total=3 top=1 copy=[1, 2]\n"
            "#1 total=7 top=1 copy=[3, 4]\n"
            "#2 total=11 top=1 copy=[5, 6]\n");
}

TEST_F(ModelAnswersTest, ADictionaryInATupleGoesByName) {
  Save("def forward(self, x):\n  return {'a': x}, {'b': x.sum(-1), 'c': x}\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"b", "f32"}}), rows_), "#0 b=3\n#1 b=7\n#2 b=11\n");
  Save("def forward(self, x):\n  return {'b': x}, {'b': x}\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"b", "f32[2]"}}), rows_),
            "failed: model small: two outputs are called `b` in what it answers with");
}

TEST_F(ModelAnswersTest, AListHasAnElementForEachRow) {
  Save(
      "def forward(self, x):\n"
      "  rows: List[Tensor] = []\n"
      "  for i in range(x.size(0)):\n"
      "    rows.append(x[i, :i % 2 + 1])\n"
      "  return rows\n");
  const StepSpec step = Step({"x"}, {{"y", "f32[N]"}});
  EXPECT_EQ(RunText(step, rows_), "#0 y=[1]\n#1 y=[3, 4]\n#2 y=[5]\n");
  Save("def forward(self, x):\n  return [x[0], x[1]]\n");
  EXPECT_EQ(RunText(step, rows_),
            "failed: model small: output `y` is a list of 2, the input has 3 rows");
}

TEST_F(ModelAnswersTest, AListOfDictionariesHasADictionaryForEachRow) {
  Save(
      "def forward(self, x):\n"
      "  rows: List[Dict[str, Tensor]] = []\n"
      "  for i in range(x.size(0)):\n"
      "    rows.append({'boxes': x[i:, :], 'best': x[i].max()})\n"
      "  losses: Dict[str, Tensor] = {}\n"
      "  return losses, rows\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"best", "f32"}, {"boxes", "f32[N, 2]"}}), rows_),
            "#0 best=2 boxes=[[1, 2], [3, 4], [5, 6]]\n"
            "#1 best=4 boxes=[[3, 4], [5, 6]]\n"
            "#2 best=6 boxes=[[5, 6]]\n");
}

TEST_F(ModelAnswersTest, AListForSeveralResultsIsTheseResults) {
  Save("def forward(self, x):\n  return [x, x * 2]\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[2]"}}), rows_),
            "#0 y=[1, 2] z=[2, 4]\n#1 y=[3, 4] z=[6, 8]\n#2 y=[5, 6] z=[10, 12]\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"a", "f32"}, {"b", "f32"}, {"c", "f32"}}), rows_),
            "failed: model small: it answers with 2 outputs, declared 3");
}

TEST_F(ModelAnswersTest, ListsOfNumbersAndStringsAreColumns) {
  Save(
      "def forward(self, x):\n"
      "  names: List[str] = []\n"
      "  words: List[List[str]] = []\n"
      "  sizes: List[int] = []\n"
      "  shares: List[float] = []\n"
      "  signs: List[bool] = []\n"
      "  for i in range(x.size(0)):\n"
      "    names.append('row ' + str(i))\n"
      "    words.append(['a', 'b'])\n"
      "    sizes.append(i * 2)\n"
      "    shares.append(i * 0.5)\n"
      "    signs.append(i == 1)\n"
      "  return names, words, sizes, shares, signs\n");
  const StepSpec step = Step({"x"}, {{"name", "string"},
                                     {"words", "string[2]"},
                                     {"size", "i64"},
                                     {"share", "f32"},
                                     {"sign", "bool"}});
  const Result<Batch> out = RunStep(step, rows_, folder_.path());
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(Text(out->column(0)), "'row 0' 'row 1' 'row 2'");
  EXPECT_TRUE(out->column(1).CheckType(T("string[2]")).ok());
  EXPECT_EQ(Text(out->column(2)), "0 2 4");
  EXPECT_EQ(Text(out->column(3)), "0 0.5 1");
  EXPECT_EQ(Text(out->column(4)), "false true false");
  EXPECT_EQ(RunText(Step({"x"}, {{"name", "string"},
                                 {"words", "string[2]"},
                                 {"size", "f32"},
                                 {"share", "f32"},
                                 {"sign", "bool"}}),
                    rows_),
            "failed: model small: output `size` is i64, declared f32");
}

TEST_F(ModelAnswersTest, RefusesTensorsThatNoColumnCanBe) {
  const auto run = [this](const std::string& answer) {
    Save("def forward(self, x):\n  return " + answer + "\n");
    return RunText(doubling_, rows_);
  };
  EXPECT_EQ(run("x.to_sparse()"),
            "failed: model small: output `y` is a sparse tensor: make it dense");
  EXPECT_EQ(run("torch.complex(x, x)"),
            "failed: model small: output `y` is of ComplexFloat, which no column can be");
  EXPECT_EQ(run("x.to('meta')"), "failed: model small: output `y` is on meta: move it to the CPU");
  EXPECT_EQ(run("[x[0], x[1].to_sparse(), x[2]]"),
            "failed: row 2: model small: output `y` is a sparse tensor: make it dense");
}

TEST_F(ModelAnswersTest, ARowThatIsNotThereIsNotNamed) {
  Save("def forward(self, x):\n  y = x[0]\n  return [y, y, y, y.to_sparse(), y]\n");
  const Batch rows(rows_.schema(), rows_.columns(), rows_.num_rows(),
                   std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{4, 7, 9}));
  EXPECT_EQ(RunText(doubling_, rows),
            "failed: model small: output `y` is a sparse tensor: make it dense");
}

}  // namespace
}  // namespace raceway::operators
