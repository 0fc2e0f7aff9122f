#include <gtest/gtest.h>

#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

Result<Batch> RunJoin(const StepSpec& step, const Batch& left, const Batch& right) {
  Result<AnyOperator> made = Make(step, {left.schema(), right.schema()});
  if (!made) return std::move(made).error();
  const engine::CancelToken cancel;
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  std::vector<Batch> inputs = {left, right};
  return std::get<std::unique_ptr<engine::Merger>>(*made)->Run(inputs, context);
}

StepSpec ByKey(const std::string& left, const std::string& right, SchemaPtr output) {
  StepSpec step;
  step.op = "join";
  step.arguments = {{"left", left}, {"right", right}};
  step.outputs = {*output};
  return step;
}

const SchemaPtr& Asks() {
  static const SchemaPtr schema = S({{"id", "i64"}, {"user", "string"}});
  return schema;
}
const SchemaPtr& Users() {
  static const SchemaPtr schema = S({{"name", "string"}, {"taste", "f32[N]"}, {"id", "i64"}});
  return schema;
}
Batch SomeAsks() {
  return MakeBatch(Asks(), {Ints({1, 2, 3, 4}), Texts({"eve", "bob", "nobody", "eve"})});
}
Batch SomeUsers() {
  return MakeBatch(Users(), {Texts({"bob", "eve", "eve", "ann"}), Ragged({{1}, {2, 3}, {4}, {5}}),
                             Ints({10, 20, 30, 40})});
}

TEST(JoinTest, ByAKeyAllThatMatch) {
  StepSpec step = ByKey("user", "name", S({{"id", "i64"}, {"taste", "f32[N]"}, {"id.2", "i64"}}));
  step.results = {{"id", "id.2"}};
  EXPECT_EQ(Text(RunJoin(step, SomeAsks(), SomeUsers())),
            "#0 id=1 taste=[2, 3] id.2=20\n#0 id=1 taste=[4] id.2=30\n"
            "#1 id=2 taste=[1] id.2=10\n"
            "#3 id=4 taste=[2, 3] id.2=20\n#3 id=4 taste=[4] id.2=30\n");
  EXPECT_EQ(Text(RunJoin(step, Batch::Empty(Asks()), SomeUsers())), "");
  EXPECT_EQ(Text(RunJoin(step, SomeAsks(), Batch::Empty(Users()))), "");
}

TEST(JoinTest, ByNumbersOfAnyWidth) {
  const SchemaPtr left = S({{"a", "u8"}});
  const SchemaPtr right = S({{"b", "u8"}, {"s", "string"}});
  const auto bytes = [](std::vector<int64_t> rows) {
    return Column(at::tensor(rows, at::kLong).to(at::kByte));
  };
  EXPECT_EQ(Text(RunJoin(ByKey("a", "b", S({{"a", "u8"}, {"s", "string"}})),
                         MakeBatch(left, {bytes({255, 0, 7})}),
                         MakeBatch(right, {bytes({7, 255}), Texts({"seven", "all"})}))),
            "#0 a=255 s='all'\n#2 a=7 s='seven'\n");
}

TEST(JoinTest, WithoutAKeyByTheRowTheyComeFrom) {
  StepSpec step;
  step.op = "join";
  step.outputs = {*S({{"id", "i64"}, {"user", "string"}, {"label", "string"}})};
  const SchemaPtr labels = S({{"id", "i64"}, {"label", "string"}});
  const auto ids = std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{3, 0, 3});
  const Batch some(labels, {Ints({4, 1, 4}), Texts({"d", "a", "dd"})}, 3, ids);
  EXPECT_EQ(Text(RunJoin(step, SomeAsks(), some)),
            "#0 id=1 user='eve' label='a'\n#3 id=4 user='eve' label='d'\n"
            "#3 id=4 user='eve' label='dd'\n");
}

TEST(JoinTest, RefusesWhatCannotBeKeys) {
  const SchemaPtr out = S({{"id", "i64"}});
  const auto error = [&](const StepSpec& step) { return MakeError(step, {Asks(), Users()}); };
  EXPECT_EQ(error(ByKey("user", "id", out)),
            "invalid argument: join: string and i64 cannot be keys");
  EXPECT_EQ(error(ByKey("user", "taste", out)),
            "invalid argument: join: string and f32[N] cannot be keys");
  EXPECT_EQ(error(ByKey("user", "nobody", out)), "invalid argument: join: a key is not there");
  EXPECT_EQ(error(ByKey("user", "name", S({{"age", "i64"}}))),
            "invalid argument: join: no column `age: i64`");
  EXPECT_EQ(MakeError(ByKey("user", "name", out), {Asks()}),
            "invalid argument: join: it has two inputs and one output");
}

}  // namespace
}  // namespace raceway::operators
