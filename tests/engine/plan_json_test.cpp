#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "engine/plan/physical_plan.h"
#include "tests/engine/plans.h"

namespace raceway::engine {
namespace {

using testing::CascadePlan;
using ::testing::HasSubstr;

// Any plan at all, valid or not: what is written must be read back.
class AnyPlan {
 public:
  explicit AnyPlan(uint32_t seed) : random_(seed) {}

  PhysicalPlan Make() {
    PhysicalPlan plan;
    plan.flow = Name();
    for (int i = Up(1); i >= 0; --i) plan.inputs.push_back({Name(), AnySchema()});
    for (int i = Up(2); i > 0; --i) plan.inputs.back().caller_names.push_back(Name());
    for (int i = Up(2); i > 0; --i) plan.inputs.back().defaults.emplace_back(Name(), AnyValue(2));
    for (int i = Up(4); i >= 0; --i) plan.stages.push_back(AnyStage(plan));
    for (int i = Up(2); i >= 0; --i) plan.results.push_back({Name(), AnyPort(plan), Pairs()});
    for (int i = Up(2); i > 0; --i) plan.files.push_back({Name(), Name(), Up(1'000'000)});
    for (int i = Up(2); i > 0; --i) plan.sources.push_back({Name(), Name(), Up(1'000'000)});
    plan.slo = AnyHints();
    return plan;
  }

 private:
  int Up(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  std::string Name() {
    static const std::string kNames[] = {"id",      "conf.2",      "größe",   "a b",
                                         "\"q\"\\", "line\nbreak", "$dollar", "$$",
                                         "",        "日本",        "stage",   "\x01"};
    return kNames[Up(11)];
  }
  Type AnyType() {
    Type type;
    type.dtype =
        DataTypeFromName(
            DataTypeNames()[static_cast<size_t>(Up(static_cast<int>(DataTypeNames().size()) - 1))])
            .value();
    for (int i = Up(3); i > 0; --i) {
      type.shape.push_back(Up(1) ? Dim::Size(Up(1000)) : Dim::Symbol(Up(1) ? "H" : "_"));
    }
    type.optional = Up(4) == 0;
    return type;
  }
  Schema AnySchema() {
    std::vector<Field> fields;
    for (int i = Up(4); i > 0; --i) fields.push_back({Name() + std::to_string(i), AnyType()});
    return Schema(std::move(fields));
  }
  Value AnyValue(int depth) {
    switch (Up(depth > 0 ? 7 : 5)) {
      case 0: return {};
      case 1: return Up(1) == 1;
      case 2: return Up(1) ? std::numeric_limits<int64_t>::min() : int64_t{Up(1000)};
      case 3: {
        static constexpr double kNumbers[] = {0.1, -0.0, 1.0, 1e300, 5e-324, 1e17, -1.5};
        return kNumbers[Up(6)];
      }
      case 4: return Up(1) ? std::numeric_limits<double>::infinity() : -HUGE_VAL;
      case 5: return Name();
      case 6: {
        Value::List list;
        for (int i = Up(3); i > 0; --i) list.push_back(AnyValue(depth - 1));
        return list;
      }
      default: return AnyRecord(depth - 1);
    }
  }
  Value::Record AnyRecord(int depth) {
    Value::Record record;
    for (int i = Up(3); i > 0; --i) {
      record.emplace_back(Name() + std::to_string(i), AnyValue(depth));
    }
    return record;
  }
  Expression AnyExpression(int depth) {
    switch (Up(depth > 0 ? 3 : 1)) {
      case 0: return Expression::Column(Name(), AnyType());
      case 1: return Expression::Constant(AnyValue(2), AnyType());
      default: {
        std::vector<Expression> args;
        for (int i = Up(3); i > 0; --i) args.push_back(AnyExpression(depth - 1));
        return Expression::Call(Name(), std::move(args), AnyType());
      }
    }
  }
  std::vector<std::pair<std::string, std::string>> Pairs() {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int i = Up(3); i > 0; --i) pairs.emplace_back(Name(), Name());
    return pairs;
  }
  std::vector<HintSpec> AnyHints() {
    std::vector<HintSpec> hints;
    for (int i = Up(2); i > 0; --i) hints.push_back({Name(), AnyValue(1), Name(), Name(), Name()});
    return hints;
  }
  Port AnyPort(const PhysicalPlan& plan) {
    return {Up(static_cast<int>(plan.stages.size())) - 1, Up(2)};
  }
  StageSpec AnyStage(const PhysicalPlan& plan) {
    StageSpec stage;
    stage.name = Up(3) ? Name() + std::to_string(plan.stages.size()) : Name();
    for (int i = Up(3); i > 0; --i) stage.inputs.push_back(AnyPort(plan));
    for (int i = Up(3); i >= 0; --i) {
      StepSpec& step = stage.steps.emplace_back();
      step.op = Name();
      step.label = Name();
      step.origin = Name();
      step.arguments = Pairs();
      step.results = Pairs();
      for (int k = Up(2); k > 0; --k) step.expressions.push_back({Name(), AnyExpression(3)});
      for (int k = Up(2); k > 0; --k) {
        step.sources.emplace_back(Name(), std::vector<std::string>{Name(), Name()});
      }
      step.options = AnyRecord(3);
      step.hints = AnyHints();
      for (int k = Up(2); k >= 0; --k) step.outputs.push_back(AnySchema());
      if (Up(1)) step.unread = AnySchema();
    }
    stage.device = Up(1) ? "cpu" : Name();
    stage.own_task = Up(1) == 1;
    return stage;
  }

  std::mt19937 random_;
};

TEST(PlanJsonTest, WhatIsWrittenIsReadBack) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const PhysicalPlan plan = AnyPlan(seed).Make();
    const std::string json = ToJson(plan);
    const Result<PhysicalPlan> read = PlanFromJson(json);
    ASSERT_TRUE(read.ok()) << seed << ": " << read.error().Text() << "\n" << json;
    ASSERT_EQ(*read, plan) << seed << "\n" << json;
    ASSERT_EQ(ToJson(*read), json) << seed;
  }
}

TEST(PlanJsonTest, IsReadable) {
  PhysicalPlan plan = CascadePlan();
  plan.stages.erase(plan.stages.begin() + 1, plan.stages.end());
  plan.stages[0].steps.erase(plan.stages[0].steps.begin(), plan.stages[0].steps.begin() + 2);
  plan.results.front().output = {0, 1};
  EXPECT_EQ(ToJson(plan), R"({
  "raceway_plan": 3,
  "flow": "cascade",
  "inputs": [{"name": "photos", "schema": [["id", "i64"], ["image", "bytes"]]}],
  "stages": [
    {
      "name": "look",
      "device": "cpu",
      "inputs": [{"input": 0}],
      "steps": [
        {
          "op": "derive",
          "label": "derive",
          "origin": "cascade.flow:14:5",
          "expressions": [
            [
              "conf",
              {"call": "max", "type": "f32", "args": [{"column": "logits", "type": "f32[1000]"}]}
            ]
          ],
          "outputs": [
            [["id", "i64"], ["pixels", "u8[H, W, 3]"], ["logits", "f32[1000]"], ["conf", "f32"]]
          ]
        },
        {
          "op": "split",
          "label": "split",
          "origin": "cascade.flow:15:5",
          "expressions": [
            [
              "where",
              {
                "call": "ge",
                "type": "bool",
                "args": [{"column": "conf", "type": "f32"}, {"constant": 0.85, "type": "f32"}]
              }
            ]
          ],
          "outputs": [[["id", "i64"], ["conf", "f32"]], [["id", "i64"], ["pixels", "u8[H, W, 3]"]]]
        }
      ]
    }
  ],
  "results": [
    {
      "name": "",
      "output": {"stage": "look", "output": 1},
      "columns": [["id", "id.3"], ["conf", "conf.3"]]
    }
  ],
  "files": [
    {
      "path": "models/small.pt",
      "sha256": ")" + std::string(64, 'a') +
                              R"(",
      "num_bytes": 19000000
    }
  ]
}
)");
}

// `text` with the first `from` replaced.
std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PlanJsonTest, NamesThePlaceOfWhatIsWrong) {
  const std::string good = ToJson(CascadePlan());
  const auto error = [&](const std::string& from, const std::string& to) {
    const Result<PhysicalPlan> plan = PlanFromJson(With(good, from, to));
    if (plan) return std::string("fine");
    EXPECT_EQ(plan.error().code, ErrorCode::kInvalidArgument);
    return plan.error().message;
  };
  EXPECT_EQ(error("\"op\": \"native\"", "\"op\": 7"),
            "not a plan: stages[0].steps[0].op: wants a string, has an integer");
  EXPECT_EQ(error("\"op\": \"native\",", ""), "not a plan: stages[0].steps[0]: has no `op`");
  EXPECT_EQ(error("\"flow\":", "\"flaw\":"), "not a plan: unknown `flaw`");
  EXPECT_EQ(error("\"own_task\": true", "\"own_task\": 1"),
            "not a plan: stages[1].own_task: wants true or false, has an integer");
  EXPECT_EQ(error("\"i64\"", "\"i65\""), "not a plan: inputs[0].schema[0][1]: no type: `i65`");
  EXPECT_EQ(error("[\"id\", \"i64\"]", "[\"id\"]"),
            "not a plan: inputs[0].schema[0]: wants an array of two");
  EXPECT_EQ(error("{\"stage\": \"look\", \"output\": 1}", "{\"stage\": \"lock\"}"),
            "not a plan: stages[1].inputs[0].stage: no stage `lock` before this place");
  EXPECT_EQ(error("{\"input\": 0}", "{\"input\": -1}"),
            "not a plan: stages[0].inputs[0].input: no such number");
  EXPECT_EQ(error("{\"input\": 0}", "{\"input\": 99999999999}"),
            "not a plan: stages[0].inputs[0].input: no such number");
  EXPECT_EQ(error("19000000", "9900000000000000000"),
            "not a plan: files[0].num_bytes: integer too large");
  EXPECT_EQ(error("\"column\": \"logits\"", "\"colon\": \"logits\""),
            "not a plan: stages[0].steps[2].expressions[0][1].args[0]: wants a `column`, a "
            "`constant` or a `call`");
  EXPECT_EQ(error("\"flow\": \"cascade\"", "\"flow\": \"a\", \"flow\": \"b\""),
            "not a plan: `flow` twice in one object");
  EXPECT_EQ(error("\"raceway_plan\": 3", "\"raceway_plan\": 0"),
            "not a plan: raceway_plan: no such format");
  EXPECT_THAT(error("\"flow\"", "flow"), HasSubstr("line 3, column 4"));
}

TEST(PlanJsonTest, SaysThatANewerFormatIsNewer) {
  const Result<PhysicalPlan> plan =
      PlanFromJson(R"({"raceway_plan": 7, "something": {"quite": "else"}})");
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(plan.error().message, "the plan has format 7, this release reads up to 3");
}

TEST(PlanJsonTest, SurvivesAnyBytes) {
  EXPECT_FALSE(PlanFromJson("").ok());
  EXPECT_FALSE(PlanFromJson("[]").ok());
  EXPECT_FALSE(PlanFromJson("null").ok());
  EXPECT_FALSE(PlanFromJson("\xff\xfe").ok());
  EXPECT_FALSE(PlanFromJson(std::string(1'000'000, '[')).ok());
  EXPECT_FALSE(PlanFromJson("{\"raceway_plan\": 1e999}").ok());
  std::string nested = "{\"raceway_plan\":";
  for (int i = 0; i < 100'000; ++i) nested += "{\"a\":";
  EXPECT_FALSE(PlanFromJson(nested).ok());

  const std::string good = ToJson(CascadePlan());
  for (size_t end = 0; end + 2 < good.size(); end += 5) {  // the last two are "}\n"
    EXPECT_FALSE(PlanFromJson(std::string_view(good).substr(0, end)).ok()) << end;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {  // must return; a few are even plans
    std::string bad = good;
    for (int k = 0; k < 3; ++k) bad[random() % bad.size()] = static_cast<char>(random());
    const Result<PhysicalPlan> plan = PlanFromJson(bad);
    if (plan) (void)Validate(*plan).ok();
  }
}

TEST(PlanTextTest, ShowsHintsAndWhereTheyComeFrom) {
  PhysicalPlan plan = CascadePlan();
  plan.stages[1].steps[0].hints = {
      {"batch.wait", int64_t{4'000'000}, "4ms", "step", "cascade.flow:12:5"}};
  plan.slo = {{"p99", int64_t{60'000'000}, "60ms", "command line", "--hint cascade.slo.p99=60ms"}};
  plan.sources = {{"lib/x.flow", std::string(64, 'b'), 120}};
  const std::string text = ToString(plan);
  EXPECT_THAT(text, HasSubstr("    hint batch.wait = 4ms (step, cascade.flow:12:5)\n"));
  EXPECT_THAT(text, HasSubstr("slo p99 = 60ms (command line, --hint cascade.slo.p99=60ms)\n"));
  EXPECT_THAT(text, HasSubstr("imported lib/x.flow 120 bytes, sha256 bbbbbbbbbbbb\n"));
}

TEST(PlanTextTest, ShowsWhatRunsWhere) {
  EXPECT_EQ(ToString(CascadePlan()), R"(flow cascade
input photos (id: i64, image: bytes)

stage look on cpu
  reads photos
  map(decode)
    native(data: image) -> (pixels: pixels) { function: "image.decode" }
    => (id: i64, pixels: u8[H, W, 3])
  map(small)
    model(x: pixels) -> (y: logits) { file: "models/small.pt", scale: [0.485, 1.0, 3], )"
                                     R"(deep: { on: true, none: null } }
    => (id: i64, pixels: u8[H, W, 3], logits: f32[1000])
  derive
    conf = max(logits)
    => (id: i64, pixels: u8[H, W, 3], logits: f32[1000], conf: f32)
  split
    where = ge(conf, 0.85)
    => [0] (id: i64, conf: f32)
    => [1] (id: i64, pixels: u8[H, W, 3])

stage again on cpu, own task
  reads look[1]
  map(big)
    model(x: pixels) -> (y: conf.2) { file: "models/small.pt", scale: [0.485, 1.0, 3], )"
                                     R"(deep: { on: true, none: null } }
    => (id: i64, conf.2: f32)

stage merge on cpu
  reads look[0], again
  union
    id.3 from id | id
    conf.3 from conf | conf.2
    => (id.3: i64, conf.3: f32)

output merge (id = id.3, conf = conf.3)
file models/small.pt 19000000 bytes, sha256 aaaaaaaaaaaa
)");
}

}  // namespace
}  // namespace raceway::engine
