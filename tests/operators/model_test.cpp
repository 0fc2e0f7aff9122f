#include "operators/model.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <thread>

#include "engine/gate.h"
#include "operators/models/inputs.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A model file and steps that run it.
class ModelTest : public ::testing::Test {
 protected:
  /// Writes m.pt.
  void Save(const std::string& forward, const std::string& name = "m.pt") {
    torch::jit::Module module("m");
    module.register_parameter("weight", at::tensor(std::vector<double>{2.0}).to(at::kFloat), false);
    module.register_buffer("calls", at::tensor(std::vector<int64_t>{0}));
    module.register_attribute("training", c10::BoolType::get(), true);
    module.define(forward);
    module.save((folder_.path() / name).string());
  }

  StepSpec Step(const std::vector<std::string>& parameters,
                const std::vector<std::pair<std::string, std::string>>& results) {
    StepSpec step;
    step.op = "model";
    step.label = "map(small)";
    step.options = {{"source", "m.pt"}, {"sha256", "1"}, {"threads", int64_t{0}}};
    for (const std::string& parameter : parameters)
      step.arguments.push_back({parameter, parameter});
    for (const auto& [name, type] : results) step.results.push_back({name, name});
    step.outputs = {*S(results)};
    return step;
  }

  std::string RunText(const StepSpec& step, const Batch& rows) {
    return Text(RunStep(step, rows, folder_.path()));
  }
  std::string RowByRowText(const StepSpec& step, const Batch& rows) {
    return TextRowByRow(step, rows, folder_.path());
  }

  TempFolder folder_;
  const Batch rows_ = MakeBatch(S({{"x", "f32[2]"}}), {Vectors({{1, 2}, {3, 4}, {5, 6}})});
  const StepSpec doubling_ = Step({"x"}, {{"y", "f32[2]"}});
};

TEST_F(ModelTest, RunsAllRowsAtOnce) {
  Save("def forward(self, x):\n  return x * self.weight + float(x.size(0))\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[5, 7]\n#1 y=[9, 11]\n#2 y=[13, 15]\n");
}

TEST_F(ModelTest, OneRowAnswersAsInABatch) {
  Save("def forward(self, x):\n  return torch.softmax(x * self.weight, -1)\n");
  EXPECT_EQ(RunText(doubling_, rows_), RowByRowText(doubling_, rows_));
}

TEST_F(ModelTest, TakesItsInputsInOrderAndCarriesOtherColumns) {
  Save("def forward(self, a, b, scale: float = 10.):\n  return (a - b) * scale\n");
  StepSpec step = Step({"p", "q"}, {{"y", "f32"}});
  step.arguments = {{"a", "q"}, {"b", "p"}};
  step.outputs = {*S({{"name", "string"}, {"y", "f32"}})};
  const Batch rows = MakeBatch(S({{"p", "f32"}, {"q", "f32"}, {"name", "string"}}),
                               {Floats({1, 2}), Floats({3, 5}), Texts({"a", "b"})});
  EXPECT_EQ(RunText(step, rows), "#0 name='a' y=20\n#1 name='b' y=30\n");
}

TEST_F(ModelTest, AnswersWithATupleByPosition) {
  Save("def forward(self, x):\n  return x.sum(-1), x.argmax(-1)\n");
  const StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "i64"}});
  EXPECT_EQ(RunText(step, rows_), "#0 total=3 top=1\n#1 total=7 top=1\n#2 total=11 top=1\n");
}

TEST_F(ModelTest, AnswersWithADictionaryByName) {
  Save("def forward(self, x):\n  return {'top': x.argmax(-1).float(), 'total': x.sum(-1)}\n");
  StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "f32"}});
  EXPECT_EQ(RunText(step, rows_), "#0 total=3 top=1\n#1 total=7 top=1\n#2 total=11 top=1\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"conf", "f32"}}), rows_),
            "failed: model small: no output `conf` in the dictionary it answers with");
}

TEST_F(ModelTest, AnOutputNobodyReadsIsLeftOut) {
  Save("def forward(self, x):\n  return x.sum(-1), x\n");
  StepSpec step = Step({"x"}, {{"total", "f32"}, {"copy", "f32[2]"}});
  step.outputs = {*S({{"copy", "f32[2]"}})};
  EXPECT_EQ(RunText(step, rows_), "#0 copy=[1, 2]\n#1 copy=[3, 4]\n#2 copy=[5, 6]\n");
}

// --- wrong outputs ---

TEST_F(ModelTest, ChecksTheTypeOfItsOutputs) {
  Save("def forward(self, x):\n  return x\n");
  const auto run = [this](const std::string& type) {
    return RunText(Step({"x"}, {{"logits", type}}), rows_);
  };
  EXPECT_EQ(run("f32[1000]"), "failed: model small: output `logits` is f32[2], declared f32[1000]");
  EXPECT_EQ(run("f32"), "failed: model small: output `logits` is f32[2], declared f32");
  EXPECT_EQ(run("f64[2]"), "failed: model small: output `logits` is f32[2], declared f64[2]");
  EXPECT_EQ(run("f32[N]"), "#0 logits=[1, 2]\n#1 logits=[3, 4]\n#2 logits=[5, 6]\n");
}

TEST_F(ModelTest, ChecksTheRowsOfItsOutputs) {
  Save("def forward(self, x):\n  return x[:1]\n");
  EXPECT_EQ(RunText(doubling_, rows_), "failed: model small: output `y` has 1 rows, the input 3");
  Save("def forward(self, x):\n  return x.sum()\n", "n.pt");
  StepSpec step = Step({"x"}, {{"y", "f32"}});
  step.options[0].second = "n.pt";
  EXPECT_EQ(RunText(step, rows_), "failed: model small: output `y` has no rows dimension");
}

TEST_F(ModelTest, ComparesSymbolsOfItsArgumentsAndOutputs) {
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

TEST_F(ModelTest, AnOutputNobodyReadsIsNotCompared) {
  Save("def forward(self, x):\n  return x, x[:, 1:]\n");
  StepSpec step = Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[N]"}});
  step.outputs = {*S({{"y", "f32[2]"}})};
  EXPECT_EQ(RunText(step, rows_), "#0 y=[1, 2]\n#1 y=[3, 4]\n#2 y=[5, 6]\n");
}

TEST_F(ModelTest, ChecksTheNumberAndKindOfItsOutputs) {
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

TEST_F(ModelTest, RefusesTensorsThatNoColumnCanBe) {
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

// --- tuples, dictionaries and lists in one another ---

TEST_F(ModelTest, TuplesInTuplesAreTakenApartInOrder) {
  Save("def forward(self, x):\n  return x.sum(-1), (x.argmax(-1), (x, x.size(0)))\n");
  const StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "i64"}, {"copy", "f32[2]"}});
  EXPECT_EQ(RunText(step, rows_), "failed: model small: it answers with 4 outputs, declared 3");
  Save("def forward(self, x):\n  return x.sum(-1), (x.argmax(-1), (x,))\n");
  EXPECT_EQ(RunText(step, rows_),
            "#0 total=3 top=1 copy=[1, 2]\n"
            "#1 total=7 top=1 copy=[3, 4]\n"
            "#2 total=11 top=1 copy=[5, 6]\n");
}

TEST_F(ModelTest, ADictionaryInATupleGoesByName) {
  Save("def forward(self, x):\n  return {'a': x}, {'b': x.sum(-1), 'c': x}\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"b", "f32"}}), rows_), "#0 b=3\n#1 b=7\n#2 b=11\n");
  Save("def forward(self, x):\n  return {'b': x}, {'b': x}\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"b", "f32[2]"}}), rows_),
            "failed: model small: two outputs are called `b` in what it answers with");
}

TEST_F(ModelTest, AListHasAnElementForEachRow) {
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

TEST_F(ModelTest, AListOfDictionariesHasADictionaryForEachRow) {
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

TEST_F(ModelTest, AListForSeveralResultsIsTheseResults) {
  Save("def forward(self, x):\n  return [x, x * 2]\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[2]"}}), rows_),
            "#0 y=[1, 2] z=[2, 4]\n#1 y=[3, 4] z=[6, 8]\n#2 y=[5, 6] z=[10, 12]\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"a", "f32"}, {"b", "f32"}, {"c", "f32"}}), rows_),
            "failed: model small: it answers with 2 outputs, declared 3");
}

TEST_F(ModelTest, ListsOfNumbersAndStringsAreColumns) {
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

// --- what goes in ---

TEST_F(ModelTest, AListOfTensorsTakesRowsOfAnyShapeInOneCall) {
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

TEST_F(ModelTest, StringsGoInAsAList) {
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

TEST_F(ModelTest, ANumberOrAStringIsThatOfItsRow) {
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

TEST_F(ModelTest, SaysWhichParameterIsOfAnotherKind) {
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

// --- padding ---

/// What is real of each row; a model that looks at the mask answers as if there were nothing else.
constexpr char kMasked[] =
    "def forward(self, x, mask):\n"
    "  real = mask.to(x.dtype).unsqueeze(-1)\n"
    "  mean = (x * real).sum(1) / real.sum(1)\n"
    "  return x - mean.unsqueeze(1), mean + 0. * float(x.size(0))\n";

class PaddingTest : public ModelTest {
 protected:
  StepSpec Padded() {
    StepSpec step = Step({"x"}, {{"y", "f32[L, 2]"}, {"mean", "f32[2]"}});
    const Value place(Value::List{Value(Value::List{Value(int64_t{0}), Value(int64_t{0})})});
    step.options.emplace_back("pad", Value::Record{{"inputs", place}, {"outputs", place}});
    return step;
  }
  static Column RaggedRows(const std::vector<int64_t>& lengths) {
    std::vector<at::Tensor> rows;
    for (const int64_t length : lengths) {
      rows.push_back(at::arange(length * 2).to(at::kFloat).reshape({length, 2}) / 7.0 + length);
    }
    return Column(std::move(rows));
  }
};

TEST_F(PaddingTest, RowsOfAllLengthsAreOneCallAndAnswerAsOneByOne) {
  Save(kMasked);
  const StepSpec step = Padded();
  const SchemaPtr in = S({{"x", "f32[N, 2]"}});
  for (const std::vector<int64_t>& lengths :
       {std::vector<int64_t>{3, 1, 5, 2}, {1, 9}, {4, 4, 4}, {7}, {16, 1, 1, 1, 1, 2, 3}}) {
    const Batch rows = MakeBatch(in, {RaggedRows(lengths)});
    const Result<Batch> together = RunStep(step, rows, folder_.path());
    ASSERT_TRUE(together.ok()) << together.error().message;
    const Result<AnyOperator> made = Make(step, {in}, folder_.path());
    std::vector<Batch> single = RowByRow(rows);
    for (size_t row = 0; row < single.size(); ++row) {
      const Result<Batch> alone = RunMade(*made, single[row]);
      for (size_t column = 0; column < 2; ++column) {
        const at::Tensor a = together->column(column).Row(static_cast<int64_t>(row));
        const at::Tensor b = alone->column(column).Row(0);
        EXPECT_TRUE(a.sizes() == b.sizes() && at::allclose(a, b, 1e-5, 1e-5)) << row << a << b;
      }
    }
  }
}

TEST_F(PaddingTest, TheModelSeesOneCallAndTheMask) {
  Save(
      "def forward(self, x, mask):\n"
      "  return x + 100. * float(x.size(0)), mask.sum(-1).unsqueeze(-1).repeat(1, 2).float()\n");
  const Batch rows = MakeBatch(S({{"x", "f32[N, 2]"}}), {RaggedRows({1, 2})});
  EXPECT_THAT(RunText(Padded(), rows), HasSubstr("mean=[1, 1]"));
  EXPECT_THAT(RunText(Padded(), rows), HasSubstr("y=[[201, 201.143]]"));
}

TEST_F(PaddingTest, SaysWhatDoesNotFit) {
  Save("def forward(self, x):\n  return x, x.sum(1)\n");
  const SchemaPtr in = S({{"x", "f32[N, 2]"}});
  EXPECT_EQ(MakeError(Padded(), {in}, folder_.path()),
            "invalid argument: model small: `forward` takes 1 input, declared 2");
  Save("def forward(self, x, mask):\n  return x[:, 1:], x.sum(1)\n", "n.pt");
  StepSpec step = Padded();
  step.options[0].second = "n.pt";
  EXPECT_EQ(RunText(step, MakeBatch(in, {RaggedRows({2, 3})})),
            "failed: model small: output `y` has 2 in the padded dimension, the input 3");
  step.options.back().second = Value("L");
  EXPECT_EQ(MakeError(step, {in}, folder_.path()),
            "invalid argument: model small: `pad` cannot be \"L\"");
}

// --- methods, state, dtype ---

TEST_F(ModelTest, CallsTheMethodThatIsNamed) {
  Save("def forward(self, x):\n  return x\ndef negative(self, x):\n  return -x\n");
  StepSpec step = doubling_;
  step.options.emplace_back("method", "negative");
  EXPECT_EQ(RunText(step, rows_), "#0 y=[-1, -2]\n#1 y=[-3, -4]\n#2 y=[-5, -6]\n");
  step.options.back().second = "positive";
  EXPECT_EQ(MakeError(step, {rows_.schema()}, folder_.path()),
            "invalid argument: model file m.pt has no `positive`; its methods are `forward`, "
            "`negative`");
}

TEST_F(ModelTest, AModelThatKeepsStateIsRefused) {
  const auto error = [this](const std::string& forward) {
    Save(forward);
    return MakeError(doubling_, {rows_.schema()}, folder_.path());
  };
  const std::string start = "invalid argument: model file m.pt keeps state between calls: ";
  EXPECT_EQ(error("def forward(self, x):\n  self.calls = self.calls + 1\n  return x\n"),
            start +
                "`forward` writes `calls`; `state: fresh` lets each call begin with what is in "
                "the file");
  EXPECT_THAT(error("def forward(self, x):\n  self.calls.add_(1)\n  return x\n"),
              StartsWith(start + "`forward` writes `calls`"));
  EXPECT_THAT(error("def forward(self, x):\n  self.calls[0] = 3\n  return x\n"),
              StartsWith(start + "`forward` writes `calls`"));
  EXPECT_THAT(error("def step(self):\n  self.calls = self.calls + 1\n"
                    "def forward(self, x):\n  self.step()\n  return x\n"),
              StartsWith(start + "`forward` writes `calls`"));
}

TEST_F(ModelTest, WhatOnlyRunsInTrainingIsNoState) {
  Save(
      "def forward(self, x):\n"
      "  if self.training:\n"
      "    self.calls.add_(1)\n"
      "  y = x.clone()\n"
      "  y.mul_(2.)\n"
      "  return y\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
}

TEST_F(ModelTest, EachCallBeginsWithTheStateOfTheFile) {
  for (const std::string write : {"self.calls = self.calls + 1", "self.calls.add_(1)"}) {
    Save("def forward(self, x):\n  " + write + "\n  " + write +
         "\n  return x * self.calls.float()\n");
    StepSpec step = doubling_;
    step.options.emplace_back("state", "fresh");
    const auto made = Make(step, {rows_.schema()}, folder_.path());
    ASSERT_TRUE(made.ok()) << made.error().message;
    for (int call = 0; call < 3; ++call) {
      EXPECT_EQ(Text(RunMade(*made, rows_)), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
    }
  }
}

TEST_F(ModelTest, StateInAPartOfTheModelIsFound) {
  torch::jit::Module part("part");
  part.register_buffer("seen", at::tensor(std::vector<int64_t>{0}));
  part.define("def forward(self, x):\n  self.seen = self.seen + 1\n  return x + self.seen\n");
  torch::jit::Module whole("whole");
  whole.register_module("part", part);
  whole.define("def forward(self, x):\n  return self.part.forward(self.part.forward(x))\n");
  whole.save((folder_.path() / "m.pt").string());
  EXPECT_THAT(MakeError(doubling_, {rows_.schema()}, folder_.path()), HasSubstr("`part.seen`"));
  StepSpec step = doubling_;
  step.options.emplace_back("state", "fresh");
  const auto made = Make(step, {rows_.schema()}, folder_.path());
  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(Text(RunMade(*made, rows_)), "#0 y=[4, 5]\n#1 y=[6, 7]\n#2 y=[8, 9]\n");
  }
}

TEST_F(ModelTest, WeightsAndInputsAreTurnedIntoTheDtype) {
  Save(
      "def forward(self, x):\n"
      "  y = x * self.weight\n"
      "  assert y.dtype == 15 and self.calls.dtype == 4, 'bf16 and i64'\n"
      "  return y + 0.001\n");
  StepSpec step = doubling_;
  step.options.emplace_back("dtype", "bf16");
  // 0.001 is less than bf16 tells from 2.
  EXPECT_EQ(RunText(step, rows_), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
  step.options.back().second = "i64";
  EXPECT_EQ(MakeError(step, {rows_.schema()}, folder_.path()),
            "invalid argument: model small: `dtype` cannot be \"i64\"");
}

// --- devices ---

TEST_F(ModelTest, ADeviceThatIsNotHereIsSaid) {
  Save("def forward(self, x):\n  return x\n");
  const auto error = [this](const std::string& device) {
    return MakeError(doubling_, {rows_.schema()}, folder_.path(), device);
  };
  EXPECT_EQ(error("tpu"),
            "unsupported: model small: no device is called `tpu`; there are `cpu`, `cuda` and "
            "`cuda:1`");
  EXPECT_EQ(error("cuda:x").substr(0, 11), "unsupported");
  // Some machine may have one, none has so many.
  EXPECT_THAT(error("cuda:99"), StartsWith("unavailable: model small: no CUDA device "));
}

// --- what goes wrong inside ---

TEST_F(ModelTest, WhatForwardThrowsIsOneLine) {
  Save("def forward(self, x):\n  return torch.mm(x, x)\n");
  const std::string shapes = RunText(doubling_, rows_);
  EXPECT_THAT(shapes, StartsWith("failed: model small: mat1 and mat2 shapes cannot be multiplied"));
  EXPECT_THAT(shapes, Not(HasSubstr("\n")));
  Save("def forward(self, x):\n  assert bool(x.sum() < 0), 'too bright'\n  return x\n", "n.pt");
  StepSpec step = doubling_;
  step.options[0].second = "n.pt";
  const std::string raised = RunText(step, rows_);
  EXPECT_THAT(raised, EndsWith("too bright"));
  EXPECT_THAT(raised, StartsWith("failed: model small: "));
  EXPECT_THAT(raised, Not(HasSubstr("\n")));
}

// --- rows of different shapes ---

TEST_F(ModelTest, RowsOfOneShapeRunTogether) {
  Save("def forward(self, x):\n  return x.sum(-1) + 100. * float(x.size(0))\n");
  const StepSpec step = Step({"x"}, {{"y", "f32"}});
  const SchemaPtr in = S({{"x", "f32[N]"}});
  const auto run = [&](Column column) { return RunText(step, MakeBatch(in, {std::move(column)})); };
  EXPECT_EQ(run(Ragged({{1, 2}, {3}, {4, 5}, {6}, {7, 8}})),
            "#0 y=303\n#1 y=203\n#2 y=309\n#3 y=206\n#4 y=315\n");
  EXPECT_EQ(run(Ragged({{1, 2}, {3, 4}})), "#0 y=203\n#1 y=207\n");
}

TEST_F(ModelTest, RaggedOutputsComeBackInOrder) {
  Save("def forward(self, x, k):\n  return x * k.unsqueeze(-1), x.sum(-1)\n");
  const StepSpec step = Step({"x", "k"}, {{"y", "f32[N]"}, {"t", "f32"}});
  const Batch rows = MakeBatch(S({{"x", "f32[N]"}, {"k", "f32"}}),
                               {Ragged({{1, 2}, {3}, {4, 5}}), Floats({1, 10, 100})});
  EXPECT_EQ(RunText(step, rows), "#0 y=[1, 2] t=3\n#1 y=[30] t=3\n#2 y=[400, 500] t=9\n");
  EXPECT_EQ(RunText(step, rows), RowByRowText(step, rows));
}

// --- the input stays as it is ---

TEST_F(ModelTest, AModelThatWritesIntoItsInputGetsACopy) {
  Save("def forward(self, x):\n  y = x[:, :1]\n  y.mul_(10.)\n  return x.relu_()\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[10, 2]\n#1 y=[30, 4]\n#2 y=[50, 6]\n");
  EXPECT_EQ(Text(rows_.column(0)), "[1, 2] [3, 4] [5, 6]");
}

TEST_F(ModelTest, OthersGetTheColumnItself) {
  Save("def forward(self, x):\n  return x\n");
  const Result<Batch> out = RunStep(doubling_, rows_, folder_.path());
  EXPECT_EQ(DataOf(out->column(0)), DataOf(rows_.column(0)));
}

TEST_F(ModelTest, ConstantsCanBeViewed) {
  Save("def forward(self, x):\n  return x.view(-1)\n");
  const Batch rows(S({{"x", "f32"}}), {*Column::Constant(Value(0.5), T("f32"), 2)}, 2);
  EXPECT_EQ(RunText(Step({"x"}, {{"y", "f32"}}), rows), "#0 y=0.5\n#1 y=0.5\n");
}

// --- files ---

TEST_F(ModelTest, AMissingFileIsUnavailable) {
  const auto error = [this](const StepSpec& step) {
    return MakeError(step, {rows_.schema()}, folder_.path());
  };
  EXPECT_EQ(error(doubling_), "unavailable: model file m.pt: No such file or directory");
  std::filesystem::create_directory(folder_.path() / "m.pt");
  EXPECT_EQ(error(doubling_), "unavailable: model file m.pt: not a file");
}

TEST_F(ModelTest, AFileThatIsNoTorchScriptIsSaidInOneLine) {
  const auto error = [this] { return MakeError(doubling_, {rows_.schema()}, folder_.path()); };
  const std::string start = "invalid argument: model file m.pt is no TorchScript: ";
  for (const std::string content : {"", "hello", "PK\x03\x04"}) {
    folder_.Write("m.pt", content);
    EXPECT_THAT(error(), StartsWith(start));
    EXPECT_THAT(error(), Not(HasSubstr("\n")));
  }
  Save("def forward(self, x):\n  return x\n");
  const auto size = std::filesystem::file_size(folder_.path() / "m.pt");
  for (const auto kept : {size / 4, size / 2, size - 1}) {
    Save("def forward(self, x):\n  return x\n");
    std::filesystem::resize_file(folder_.path() / "m.pt", kept);
    EXPECT_THAT(error(), StartsWith(start)) << kept;
    EXPECT_THAT(error(), Not(HasSubstr("\n"))) << kept;
  }
}

TEST_F(ModelTest, RefusesAModelThatTakesOtherInputs) {
  Save("def forward(self, x, y):\n  return x + y\n");
  const auto error = [this](const StepSpec& step, const SchemaPtr& in) {
    return MakeError(step, {in}, folder_.path());
  };
  EXPECT_EQ(error(doubling_, rows_.schema()),
            "invalid argument: model small: `forward` takes 2 inputs, declared 1");
  EXPECT_EQ(error(doubling_, S({{"z", "f32"}})),
            "invalid argument: model small: no column `x` in (z: f32)");
  StepSpec step = doubling_;
  step.options.clear();
  EXPECT_EQ(error(step, rows_.schema()), "invalid argument: a model wants the option `source`");
}

TEST_F(ModelTest, AFileIsLoadedOnceForItsPathAndHash) {
  Save("def forward(self, x):\n  return x\n");
  const auto first = Make(doubling_, {rows_.schema()}, folder_.path());
  ASSERT_TRUE(first.ok());
  Save("def forward(self, x):\n  return x * 2\n");  // nobody looks at it while `first` lives
  const auto second = Make(doubling_, {rows_.schema()}, folder_.path() / ".");
  StepSpec other_hash = doubling_;
  other_hash.options[1].second = "2";
  const auto third = Make(other_hash, {rows_.schema()}, folder_.path());
  const Batch one = MakeBatch(rows_.schema(), {Vectors({{1, 2}})});
  EXPECT_EQ(Text(RunMade(*first, one)), "#0 y=[1, 2]\n");
  EXPECT_EQ(Text(RunMade(*second, one)), "#0 y=[1, 2]\n");
  EXPECT_EQ(Text(RunMade(*third, one)), "#0 y=[2, 4]\n");
}

TEST_F(ModelTest, IsForgottenWithItsLastStep) {
  Save("def forward(self, x):\n  return x\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[1, 2]\n#1 y=[3, 4]\n#2 y=[5, 6]\n");
  Save("def forward(self, x):\n  return -x\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[-1, -2]\n#1 y=[-3, -4]\n#2 y=[-5, -6]\n");
}

// --- stopping ---

/// Each look at it takes a second.
class SlowClock final : public engine::Clock {
 public:
  engine::TimePoint Now() const override {
    return engine::TimePoint(std::chrono::seconds(seconds_++));
  }

 private:
  mutable std::atomic<int64_t> seconds_ = 0;
};

TEST_F(ModelTest, StopsWithinAnOperatorWhereTheDeadlinePasses) {
  Save("def forward(self, x):\n  for i in range(1000000000):\n    x = x + 1.\n  return x\n");
  const auto made = Make(doubling_, {rows_.schema()}, folder_.path());
  const SlowClock clock;
  engine::CancelToken cancel;
  cancel.SetDeadline(engine::TimePoint(std::chrono::seconds(100)), clock);
  engine::RunContext context{cancel, clock};
  EXPECT_EQ(Text(std::get<std::unique_ptr<engine::Operator>>(*made)->Run(rows_, context)),
            "deadline exceeded: the deadline has passed");
  EXPECT_LT(clock.Now(), engine::TimePoint(std::chrono::seconds(110)));
}

TEST_F(ModelTest, StopsWhereItsRequestIsCancelled) {
  Save("def forward(self, x):\n  for i in range(1000000000):\n    x = x + 1.\n  return x\n");
  const auto made = Make(doubling_, {rows_.schema()}, folder_.path());
  engine::CancelToken caller;
  engine::CancelToken cancel;
  cancel.SetParent(&caller);
  const engine::SteadyClock clock;
  std::thread impatient([&caller] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    caller.Cancel();
  });
  engine::RunContext context{cancel, clock};
  EXPECT_EQ(Text(std::get<std::unique_ptr<engine::Operator>>(*made)->Run(rows_, context)),
            "cancelled: the request was cancelled");
  impatient.join();
}

// --- threads ---

/// Notes the threads that operators may use.
class ThreadsGate final : public engine::OperatorGate {
 public:
  void BeforeOperator(const c10::OperatorHandle& /*op*/,
                      const torch::jit::Stack& /*stack*/) override {
    num_threads_ = at::get_num_threads();
  }
  int num_threads() const { return num_threads_; }

 private:
  int num_threads_ = 0;
};

TEST_F(ModelTest, UsesItsThreadsAndGivesThemBack) {
  Save("def forward(self, x):\n  return x * 2\n");
  const int before = at::get_num_threads();
  StepSpec step = doubling_;
  step.options[2].second = Value(int64_t{before + 1});
  const auto made = Make(step, {rows_.schema()}, folder_.path());
  ThreadsGate gate;
  {
    const engine::GateScope scope(gate);
    EXPECT_TRUE(RunMade(*made, rows_).ok());
  }
  EXPECT_EQ(gate.num_threads(), before + 1);
  EXPECT_EQ(at::get_num_threads(), before);
  step.options[2].second = Value(int64_t{-1});
  EXPECT_EQ(MakeError(step, {rows_.schema()}, folder_.path()),
            "invalid argument: model small: `threads` cannot be -1");
}

TEST_F(ModelTest, ManyThreadsMayRunIt) {
  Save("def forward(self, x):\n  return x * self.weight\n");
  const auto made = Make(doubling_, {rows_.schema()}, folder_.path());
  std::vector<std::thread> threads;
  std::atomic<int> num_right = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        if (Text(RunMade(*made, rows_)) == "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n") ++num_right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_right, 200);
}

TEST_F(ModelTest, NoRowsNeedNoRun) {
  Save("def forward(self, x):\n  assert False, 'ran'\n  return x\n");
  EXPECT_EQ(RunStep(doubling_, Batch::Empty(rows_.schema()), folder_.path())->num_rows(), 0);
}

}  // namespace
}  // namespace raceway::operators
