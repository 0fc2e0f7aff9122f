#include "operators/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operators/models.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace raceway::operators
