#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/store/row_store.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using engine::StoreOpener;
using engine::StoreSpec;

const SchemaPtr& Asks() {
  static const SchemaPtr schema = S({{"id", "i64"}, {"user", "string"}});
  return schema;
}

/// A deployment's stores: the users eve and bob, of whom only eve has an age.
StoreOpener Users() {
  return [](const StoreSpec& spec) -> Result<std::shared_ptr<const engine::Store>> {
    if (spec.name != "users") {
      return engine::Error{engine::ErrorCode::kUnavailable, "no " + spec.source};
    }
    const Column ages = Ints({30, 0}).WithValidity(Bools({true, false}).dense());
    return engine::MakeRowStore(
        MakeBatch(S({{"user", "string"}, {"taste", "f32[N]"}, {"age", "i64?"}}),
                  {Texts({"eve", "bob"}), Ragged({{1, 2}, {3}}), ages}),
        "users");
  };
}

StepSpec Lookup(const std::string& miss, SchemaPtr output) {
  StepSpec step;
  step.op = "lookup";
  step.label = "lookup(users)";
  step.arguments = {{"key", "user"}};
  step.results = {{"taste", "taste"}, {"age", "age"}};
  const auto pair = [](const char* name, const char* type) {
    return Value(Value::List{name, type});
  };
  step.options = {{"store", "users"},
                  {"kind", "rows"},
                  {"source", "users.jsonl"},
                  {"miss", miss},
                  {"schema", Value::List{pair("user", "string"), pair("taste", "f32[N]"),
                                         pair("age", "i64?")}}};
  step.outputs = {*output};
  return step;
}

Result<AnyOperator> MakeLookup(const StepSpec& step, const StoreOpener& stores = Users()) {
  engine::OperatorFactories factories;
  RegisterAll(factories);
  OperatorSpec spec{step,  {Asks()}, {std::make_shared<const engine::Schema>(step.outputs[0])},
                    "cpu", ".",      &stores};
  return factories.Find("lookup")(spec);
}

std::string Answer(const StepSpec& step, const Batch& input) {
  const Result<AnyOperator> made = MakeLookup(step);
  return made.ok() ? Text(RunMade(*made, input)) : made.error().Text();
}

SchemaPtr Plain() {
  return S({{"id", "i64"}, {"user", "string"}, {"taste", "f32[N]"}, {"age", "i64?"}});
}
SchemaPtr Missing() { return S({{"id", "i64"}, {"taste", "f32[N]?"}, {"age", "i64?"}}); }

Batch SomeAsks() {
  return MakeBatch(Asks(), {Ints({1, 2, 3, 4}), Texts({"eve", "bob", "nobody", "eve"})});
}

TEST(LookupTest, AddsWhatTheStoreHas) {
  const Batch known = MakeBatch(Asks(), {Ints({1, 2}), Texts({"bob", "eve"})});
  EXPECT_EQ(Answer(Lookup("fail", Plain()), known),
            "#0 id=1 user='bob' taste=[3] age=null\n#1 id=2 user='eve' taste=[1, 2] age=30\n");
  EXPECT_EQ(Answer(Lookup("fail", Plain()), Batch::Empty(Asks())), "");
}

TEST(LookupTest, AMissFailsDropsOrIsNull) {
  EXPECT_EQ(Answer(Lookup("fail", Plain()), SomeAsks()),
            "failed: row 3: store users has no row for the key \"nobody\"");
  EXPECT_EQ(Answer(Lookup("drop", Plain()), SomeAsks()),
            "#0 id=1 user='eve' taste=[1, 2] age=30\n#1 id=2 user='bob' taste=[3] age=null\n"
            "#3 id=4 user='eve' taste=[1, 2] age=30\n");
  EXPECT_EQ(Answer(Lookup("null", Missing()), SomeAsks()),
            "#0 id=1 taste=[1, 2] age=30\n#1 id=2 taste=[3] age=null\n#2 id=3 taste=null age=null\n"
            "#3 id=4 taste=[1, 2] age=30\n");
}

TEST(LookupTest, RowByRowIsTheSame) {
  const StepSpec step = Lookup("null", Missing());
  const Result<AnyOperator> made = MakeLookup(step);
  std::string text;
  for (Batch& row : RowByRow(SomeAsks())) text += Text(RunMade(*made, std::move(row)));
  EXPECT_EQ(text, Answer(step, SomeAsks()));
}

TEST(LookupTest, NamesTheRowOfTheRequest) {
  const auto ids = std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{5, 9});
  const Batch some(Asks(), {Ints({1, 2}), Texts({"eve", "ann"})}, 2, ids);
  EXPECT_EQ(Answer(Lookup("fail", Plain()), some),
            "failed: row 10: store users has no row for the key \"ann\"");
}

TEST(LookupTest, ColumnsThatNobodyReadsAreNotLookedFor) {
  StepSpec step = Lookup("drop", S({{"id", "i64"}}));
  step.results.clear();
  EXPECT_EQ(Answer(step, SomeAsks()), "#0 id=1\n#1 id=2\n#3 id=4\n");
}

/// Answers nothing, and remembers what it was told.
class ListeningStore final : public engine::Store {
 public:
  Result<Found> Find(const Column& /*keys*/, std::span<const size_t> /*columns*/,
                     const engine::CancelToken& /*cancel*/) const override {
    return engine::Error{
        .code = engine::ErrorCode::kFailed, .message = "it is damaged", .row_id = 1};
  }
  void Prefetch(const Column& keys) const override {
    if (fails_) throw std::runtime_error("no thread is to be had");
    told_ += Text(keys) + "\n";
  }
  void FailFromNowOn() { fails_ = true; }

  const std::string& told() const { return told_; }

 private:
  mutable std::string told_;
  bool fails_ = false;
};

TEST(LookupTest, ADamagedRowIsOneOfTheRequest) {
  const StoreOpener open = [](const StoreSpec&) -> Result<std::shared_ptr<const engine::Store>> {
    return std::shared_ptr<const engine::Store>(std::make_shared<ListeningStore>());
  };
  const Result<AnyOperator> made = MakeLookup(Lookup("fail", Plain()), open);
  ASSERT_TRUE(made.ok());
  const auto ids = std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{5, 9});
  EXPECT_EQ(Text(RunMade(*made, Batch(Asks(), {Ints({1, 2}), Texts({"eve", "ann"})}, 2, ids))),
            "failed: row 10: it is damaged");
}

/// Has a sparse tensor for the last key.
class OddStore final : public engine::Store {
 public:
  Result<Found> Find(const Column& keys, std::span<const size_t> /*columns*/,
                     const engine::CancelToken& /*cancel*/) const override {
    std::vector<at::Tensor> tastes(static_cast<size_t>(keys.num_rows()), Row({1}, {1}));
    tastes.back() = tastes.back().to_sparse();
    const std::vector<int64_t> ages(tastes.size(), 30);
    return Found{std::vector<bool>(tastes.size(), true), {Column(std::move(tastes)), Ints(ages)}};
  }
};

TEST(LookupTest, ATensorThatNoColumnCanBeIsRefused) {
  const StoreOpener open = [](const StoreSpec&) -> Result<std::shared_ptr<const engine::Store>> {
    return std::shared_ptr<const engine::Store>(std::make_shared<OddStore>());
  };
  const Result<AnyOperator> made = MakeLookup(Lookup("fail", Plain()), open);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(Text(RunMade(*made, SomeAsks())),
            "failed: row 4: store users: `taste` is a sparse tensor: make it dense");
}

TEST(PrefetchTest, TellsTheStoreTheKeysAndPassesTheRows) {
  const auto store = std::make_shared<ListeningStore>();
  const StoreOpener open =
      [&](const StoreSpec& spec) -> Result<std::shared_ptr<const engine::Store>> {
    EXPECT_EQ(spec.cache_bytes, 1 << 20);
    return std::shared_ptr<const engine::Store>(store);
  };
  StepSpec step = Lookup("fail", Asks());
  step.op = "prefetch";
  step.results.clear();
  step.options.emplace_back("cache", int64_t{1} << 20);
  engine::OperatorFactories factories;
  RegisterAll(factories);
  const OperatorSpec spec{step, {Asks()}, {Asks()}, "cpu", ".", &open};
  const Result<AnyOperator> made = factories.Find("prefetch")(spec);
  ASSERT_TRUE(made.ok()) << made.error().Text();
  EXPECT_EQ(Text(RunMade(*made, SomeAsks())),
            "#0 id=1 user='eve'\n#1 id=2 user='bob'\n#2 id=3 user='nobody'\n#3 id=4 user='eve'\n");
  EXPECT_EQ(Text(RunMade(*made, Batch::Empty(Asks()))), "");
  EXPECT_EQ(store->told(), "'eve' 'bob' 'nobody' 'eve'\n");
  store->FailFromNowOn();
  EXPECT_EQ(Text(RunMade(*made, Batch(Asks(), {Ints({1}), Texts({"eve"})}, 1))),
            "#0 id=1 user='eve'\n");
  step.arguments = {{"key", "id"}};
  EXPECT_EQ(factories.Find("prefetch")(spec).error().Text(), "prefetch: it wants one key, string");
}

TEST(LookupTest, RefusesPlansThatMakeNoSense) {
  const auto error = [](const StepSpec& step) { return MakeLookup(step).error().Text(); };
  EXPECT_EQ(error(Lookup("ignore", Plain())), "lookup: `miss` cannot be \"ignore\"");
  EXPECT_EQ(error(Lookup("null", Plain())), "lookup: `taste` of the store is f32[N]");
  EXPECT_EQ(error(Lookup("fail", Missing())), "lookup: `taste` of the store is f32[N]");
  StepSpec step = Lookup("fail", Plain());
  step.arguments[0].second = "id";
  EXPECT_EQ(error(step), "lookup: it wants one key, string");
  step = Lookup("fail", Plain());
  step.results[0].first = "user";
  EXPECT_EQ(error(step), "lookup: the store gives no `user`");
  step = Lookup("fail", Plain());
  step.options.pop_back();
  EXPECT_EQ(error(step), "lookup: there is no `schema`");
  step = Lookup("fail", Plain());
  step.options[0].second = "others";
  EXPECT_EQ(error(step), "no users.jsonl");
  EXPECT_EQ(MakeError(Lookup("fail", Plain()), {Asks()}),
            "invalid argument: lookup: there are no stores here");
}

}  // namespace
}  // namespace raceway::operators
