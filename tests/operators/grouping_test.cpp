// agg
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

/// One result: `name = function(of)`, its column called like it.
struct Aggregated {
  std::string name;
  std::string function;
  std::string of = {};
  int64_t count = 0;
};

StepSpec Agg(const std::vector<std::string>& keys, const std::vector<Aggregated>& results,
             SchemaPtr output) {
  StepSpec step;
  step.op = "agg";
  for (const std::string& key : keys) step.arguments.emplace_back("", key);
  for (const Aggregated& result : results) {
    if (!result.of.empty()) step.arguments.emplace_back(result.name, result.of);
    Value::Record how = {{"function", result.function}};
    if (result.count > 0) how.emplace_back("count", result.count);
    step.options.emplace_back(result.name, std::move(how));
    step.results.emplace_back(result.name, result.name);
  }
  step.outputs = {*output};
  return step;
}

const SchemaPtr& In() {
  static const SchemaPtr schema =
      S({{"cam", "string"}, {"cls", "i64"}, {"x", "f32"}, {"on", "bool"}, {"v", "f32[N]"}});
  return schema;
}
Batch Rows() {
  return MakeBatch(In(), {Texts({"b", "a", "b", "a", "b"}), Ints({1, 1, 2, 1, 1}),
                          Floats({0.5F, 4, 2, -1, 0.25F}), Bools({false, false, true, true, false}),
                          Ragged({{1}, {2, 3}, {4}, {}, {5}})});
}

TEST(AggTest, OneRowForEachGroupInOrderOfFirstRows) {
  EXPECT_EQ(Text(RunStep(Agg({"cam"}, {{"n", "count"}, {"m", "mean", "x"}},
                             S({{"cam", "string"}, {"n", "i64"}, {"m", "f32"}})),
                         Rows())),
            "#0 cam='b' n=3 m=0.916667\n#1 cam='a' n=2 m=1.5\n");
  EXPECT_EQ(Text(RunStep(Agg({"cls", "cam"}, {{"n", "count"}},
                             S({{"n", "i64"}, {"cam", "string"}, {"cls", "i64"}})),
                         Rows())),
            "#0 n=2 cam='b' cls=1\n#1 n=2 cam='a' cls=1\n#2 n=1 cam='b' cls=2\n");
}

TEST(AggTest, OfNoRowsThereAreNoGroups) {
  EXPECT_EQ(Text(RunStep(Agg({"cam"}, {{"n", "count"}, {"m", "max", "x"}},
                             S({{"cam", "string"}, {"n", "i64"}, {"m", "f32"}})),
                         Batch::Empty(In()))),
            "");
}

TEST(AggTest, KnowsEveryAggregate) {
  EXPECT_EQ(Text(RunStep(Agg({"cam"},
                             {{"sum", "sum", "x"},
                              {"isum", "sum", "cls"},
                              {"min", "min", "x"},
                              {"max", "max", "x"},
                              {"last", "max", "cam"},
                              {"any", "any", "on"},
                              {"first", "first", "v"},
                              {"top", "topk", "x", 2},
                              {"all", "collect", "x"}},
                             S({{"sum", "f32"},
                                {"isum", "i64"},
                                {"min", "f32"},
                                {"max", "f32"},
                                {"last", "string"},
                                {"any", "bool"},
                                {"first", "f32[N]"},
                                {"top", "f32[_]"},
                                {"all", "f32[_]"}})),
                         Rows())),
            "#0 sum=2.75 isum=4 min=0.25 max=2 last='b' any=true first=[1] top=[2, 0.5] "
            "all=[0.5, 2, 0.25]\n"
            "#1 sum=3 isum=2 min=-1 max=4 last='a' any=true first=[2, 3] top=[4, -1] "
            "all=[4, -1]\n");
  EXPECT_EQ(Contracts().aggregates().size(), 9u) << "a new one wants its place in this test";
}

TEST(AggTest, CollectsTensorsInTheOrderOfTheirRows) {
  const SchemaPtr schema = S({{"k", "i64"}, {"v", "i64[2]"}});
  const StepSpec step = Agg({"k"}, {{"all", "collect", "v"}}, S({{"all", "i64[_, 2]"}}));
  const std::string expected = "#0 all=[[1, 2], [5, 6]]\n#1 all=[[3, 4]]\n";
  const Column dense = Vectors({{1, 2}, {3, 4}, {5, 6}}, at::kLong);
  const Column ragged = Ragged({{1, 2}, {3, 4}, {5, 6}}, at::kLong);
  EXPECT_EQ(Text(RunStep(step, MakeBatch(schema, {Ints({7, 8, 7}), dense}))), expected);
  EXPECT_EQ(Text(RunStep(step, MakeBatch(schema, {Ints({7, 8, 7}), ragged}))), expected);
  EXPECT_EQ(MakeError(Agg({"k"}, {{"all", "collect", "k"}}, S({{"all", "string[_]"}})),
                      {S({{"k", "string"}})}),
            "invalid argument: `collect` wants numbers, bools, times or tensors of one size of "
            "them, this is string");
}

TEST(AggTest, IntegersWrapAroundAndNanIsTheWorst) {
  const SchemaPtr schema = S({{"k", "bool"}, {"i", "i8"}, {"x", "f32"}});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Batch rows =
      MakeBatch(schema, {Bools({true, true, true}),
                         Column(at::tensor(std::vector<int64_t>{100, 100, 1}).to(at::kChar)),
                         Floats({nan, 1, 2})});
  EXPECT_EQ(Text(RunStep(Agg({"k"}, {{"s", "sum", "i"}, {"min", "min", "x"}, {"max", "max", "x"}},
                             S({{"s", "i8"}, {"min", "f32"}, {"max", "f32"}})),
                         rows)),
            "#0 s=-55 min=1 max=2\n");
}

TEST(AggTest, ASumOfTimesThatIsTooLongIsAnErrorOfTheRow) {
  const SchemaPtr schema = S({{"k", "i64"}, {"d", "duration"}});
  const auto sum = [&](int64_t last) {
    const Batch rows =
        MakeBatch(schema, {Ints({1, 2, 1}), Ints({INT64_MAX - 1, INT64_MAX - 1, last})});
    return Text(RunStep(Agg({"k"}, {{"s", "sum", "d"}}, S({{"s", "duration"}})), rows));
  };
  EXPECT_EQ(sum(1), "#0 s=9223372036854775807\n#1 s=9223372036854775806\n");
  EXPECT_EQ(sum(2), "failed: row 1: the sum is too long for a time");
  const Batch there_and_back =
      MakeBatch(schema, {Ints({1, 1, 1}), Ints({INT64_MAX, INT64_MAX, -INT64_MAX})});
  EXPECT_EQ(Text(RunStep(Agg({"k"}, {{"s", "sum", "d"}}, S({{"s", "duration"}})), there_and_back)),
            "#0 s=9223372036854775807\n");
}

TEST(AggTest, AgreesWithAMapOnManyRows) {
  std::mt19937 random(3);
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
  std::map<std::pair<std::string, int64_t>, int64_t> expected;
  for (int i = 0; i < 5000; ++i) {
    texts.push_back("k" + std::to_string(random() % 50));
    numbers.push_back(static_cast<int64_t>(random() % 7) - 3);
    ++expected[{texts.back(), numbers.back()}];
  }
  const Batch rows = MakeBatch(S({{"a", "string"}, {"b", "i64"}}), {Texts(texts), Ints(numbers)});
  const Result<Batch> out = RunStep(
      Agg({"a", "b"}, {{"n", "count"}}, S({{"a", "string"}, {"b", "i64"}, {"n", "i64"}})), rows);
  ASSERT_TRUE(out.ok());
  ASSERT_EQ(out->num_rows(), static_cast<int64_t>(expected.size()));
  for (int64_t row = 0; row < out->num_rows(); ++row) {
    const std::pair<std::string, int64_t> key = {std::string(out->column(0).text()[row]),
                                                 out->column(1).Row(row).item<int64_t>()};
    EXPECT_EQ(out->column(2).Row(row).item<int64_t>(), expected.at(key));
  }
}

TEST(AggTest, RefusesPlansThatMakeNoSense) {
  const SchemaPtr n = S({{"n", "i64"}});
  EXPECT_EQ(MakeError(Agg({}, {{"n", "count"}}, n), {In()}),
            "invalid argument: agg: there are no keys");
  EXPECT_EQ(MakeError(Agg({"x"}, {{"n", "count"}}, n), {In()}),
            "invalid argument: agg: `x` is no key");
  EXPECT_EQ(MakeError(Agg({"cam"}, {{"n", "median", "x"}}, n), {In()}),
            "invalid argument: agg: no aggregate `median`");
  EXPECT_EQ(MakeError(Agg({"cam"}, {{"n", "sum"}}, n), {In()}),
            "invalid argument: agg: `n` of what?");
  EXPECT_EQ(MakeError(Agg({"cam"}, {{"n", "count", "x"}}, n), {In()}),
            "invalid argument: agg: `n` of what?");
  EXPECT_EQ(MakeError(Agg({"cam"}, {{"n", "sum", "on"}}, n), {In()}),
            "invalid argument: `sum` wants numbers or durations, this is bool");
  EXPECT_EQ(MakeError(Agg({"cam"}, {{"n", "topk", "x"}}, n), {In()}),
            "invalid argument: agg: `n` wants a `count`");
}

}  // namespace
}  // namespace raceway::operators
