// Flows come, change and go while requests run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FlowBuilder;
using ::testing::HasSubstr;
using testing::Hook;
using testing::Rows;
using testing::TextOf;
using namespace std::chrono_literals;

constexpr Port kInput = FlowBuilder::kInput;

/// How many of its operators are there.
std::atomic<int> num_models = 0;

/// Adds the option `n`; stands for a model, which is freed when the last of its steps is.
class CountedModel final : public Operator {
 public:
  explicit CountedModel(int64_t n) : n_(n) { ++num_models; }
  ~CountedModel() override { --num_models; }
  Result<Batch> Run(Batch input, RunContext& context) const override {
    return Add(n_)(std::move(input), context);
  }

 private:
  int64_t n_;
};

class DeploymentTest : public ::testing::Test {
 protected:
  DeploymentTest() {
    EngineOptions options{.num_workers = 2, .factories = FlowBuilder::Factories()};
    options.factories.Add("counted", [](const OperatorSpec& spec) -> Result<AnyOperator> {
      const int64_t n = *spec.step.options.at(0).second.AsInt();
      if (n < 0) return Error{.code = ErrorCode::kUnavailable, .message = "no such model"};
      return AnyOperator(std::make_unique<CountedModel>(n));
    });
    engine_ = std::make_unique<Engine>(std::move(options));
  }
  ~DeploymentTest() override {
    engine_.reset();
    EXPECT_EQ(num_models, 0);
  }

  /// `hook`, then a model that adds `n`.
  static PhysicalPlan Plan(int64_t n, Hook hook = testing::Pass()) {
    FlowBuilder builder("sum");
    builder.Then(builder.Then(kInput, std::move(hook)), testing::Pass());
    PhysicalPlan plan = builder.Build();
    plan.stages.back().steps.front().op = "counted";
    plan.stages.back().steps.front().options = {{"n", n}};
    return plan;
  }
  FlowHandle Deploy(const PhysicalPlan& plan) {
    Result<FlowHandle> flow = engine_->Deploy(plan, ".");
    if (!flow) throw std::runtime_error(flow.error().Text());
    return *flow;
  }

  std::unique_ptr<Engine> engine_;
};

/// Holds up requests of the row 99.
class Gatekeeper {
 public:
  Hook hook() {
    return [this](Batch batch, RunContext&) -> Result<Batch> {
      if (testing::RowsOf(batch).at(0) == 99) {
        is_in_.count_down();
        go_on_.wait();
      }
      return batch;
    };
  }
  void WaitUntilIn() { is_in_.wait(); }
  void Open() { go_on_.count_down(); }

 private:
  std::latch is_in_{1};
  std::latch go_on_{1};
};

/// Plans that nobody uses any more go in tasks of their own.
void WaitForModels(int expected) {
  for (int i = 0; i < 10'000 && num_models != expected; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(num_models, expected);
}

TEST_F(DeploymentTest, AReplacedPlanServesWhatItBeganAndThenGoes) {
  Gatekeeper gate;
  const FlowHandle flow = Deploy(Plan(1, gate.hook()));
  auto old_request = engine_->Submit(*flow, Rows({99}));
  gate.WaitUntilIn();
  Result<std::future<void>> replaced = engine_->Replace(*flow, Plan(10), ".");
  ASSERT_TRUE(replaced.ok()) << replaced.error().Text();
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1}))), "11");
  EXPECT_EQ(replaced->wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(num_models, 2);
  gate.Open();
  EXPECT_EQ(TextOf(old_request.get()), "100");
  replaced->wait();
  EXPECT_EQ(num_models, 1);
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1}))), "11");
}

TEST_F(DeploymentTest, AReplacementThatCannotBeChangesNothing) {
  const FlowHandle flow = Deploy(Plan(1));
  EXPECT_THAT(TextOf(engine_->Replace(*flow, Plan(-1), ".").error()), HasSubstr("no such model"));

  PhysicalPlan other = Plan(2);
  other.results.front().columns = {{"y", "x"}};
  EXPECT_EQ(engine_->Replace(*flow, other, ".").error().Text(),
            "`sum` gives (x: i64), the new plan (y: i64): deploy it beside, its callers must know");
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1}))), "2");
  WaitForModels(1);
}

TEST_F(DeploymentTest, AnUndeployedFlowRefusesRequestsAndEndsThoseInFlight) {
  Gatekeeper gate;
  const FlowHandle flow = Deploy(Plan(1, gate.hook()));
  auto last = engine_->Submit(*flow, Rows({99}));
  gate.WaitUntilIn();
  const std::future<void> gone = engine_->Undeploy(*flow);
  EXPECT_FALSE(flow->is_deployed());
  const std::string refusal = "unavailable: `sum` was undeployed: it takes no more requests";
  EXPECT_EQ(TextOf(engine_->Run(*flow, Rows({1}))), refusal);
  EXPECT_EQ(TextOf(engine_->Submit(*flow, Rows({1})).get()), refusal);
  EXPECT_EQ(TextOf(engine_->RunTables(*flow, {Rows({1})}).error()), refusal);
  EXPECT_EQ(TextOf(engine_->SubmitTables(*flow, {Rows({1})}).get().error()), refusal);
  EXPECT_THAT(TextOf(engine_->Replace(*flow, Plan(2), ".").error()), HasSubstr("deploy the plan"));
  EXPECT_EQ(gone.wait_for(0s), std::future_status::timeout);
  gate.Open();
  EXPECT_EQ(TextOf(last.get()), "100");
  gone.wait();
  WaitForModels(0);  // and the plan that could not replace it
  EXPECT_EQ(engine_->Undeploy(*flow).wait_for(0s), std::future_status::ready);
  EXPECT_EQ(ToString(*flow->input_schema()), "(x: i64)");
}

TEST_F(DeploymentTest, TheLastHandleUndeploys) {
  Gatekeeper gate;
  FlowHandle flow = Deploy(Plan(1, gate.hook()));
  auto last = engine_->Submit(*flow, Rows({99}));
  gate.WaitUntilIn();
  flow.reset();
  EXPECT_EQ(num_models, 1);
  gate.Open();
  EXPECT_EQ(TextOf(last.get()), "100");
  WaitForModels(0);
}

TEST_F(DeploymentTest, AFlowMayBeUndeployedByACompletion) {
  const FlowHandle flow = Deploy(Plan(1));
  std::promise<std::future<void>> undeployed;
  engine_->Submit(*flow, Rows({1}), {},
                  [&](Result<Batch>) { undeployed.set_value(engine_->Undeploy(*flow)); });
  undeployed.get_future().get().wait();
  EXPECT_EQ(num_models, 0);
}

TEST_F(DeploymentTest, AHandleMayOutliveItsEngine) {
  const FlowHandle flow = Deploy(Plan(1));
  engine_.reset();
  EXPECT_EQ(num_models, 0);
  EXPECT_FALSE(flow->is_deployed());
  EXPECT_EQ(flow->name(), "sum");
}

// Answers come from one plan or the other, none is lost, and in the end nothing is left.
TEST_F(DeploymentTest, PlansChangeUnderLoad) {
  std::atomic<bool> is_over = false;
  std::atomic<int64_t> num_answers = 0;
  std::atomic<int64_t> num_refused = 0;
  const FlowHandle steady = Deploy(Plan(1));
  const FlowHandle brief = Deploy(Plan(1));
  std::vector<std::jthread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&, c] {
      for (int64_t i = 0; !is_over || i < 1000; ++i) {
        const Result<Batch> answer =
            c == 0 ? engine_->Submit(*steady, Rows({0})).get() : engine_->Run(*steady, Rows({0}));
        ASSERT_TRUE(answer.ok()) << answer.error().Text();
        const int64_t n = testing::RowsOf(*answer).at(0);
        ASSERT_TRUE(n >= 1 && n <= 200) << n;
        ++num_answers;
        const Result<Batch> other = engine_->Run(*brief, Rows({0}));
        if (other.ok()) continue;
        ASSERT_EQ(other.error().code, ErrorCode::kUnavailable);
        ++num_refused;
      }
    });
  }
  std::optional<std::future<void>> gone;
  for (int n = 1; n <= 200; ++n) {
    Result<std::future<void>> replaced = engine_->Replace(*steady, Plan(n), ".");
    ASSERT_TRUE(replaced.ok());
    gone = *std::move(replaced);
    if (n == 100) engine_->Undeploy(*brief).wait();
    const FlowHandle passing = Deploy(Plan(n));
    EXPECT_EQ(TextOf(engine_->Run(*passing, Rows({n}))), std::to_string(2 * n));
  }
  is_over = true;
  callers.clear();
  gone->wait();
  EXPECT_EQ(TextOf(engine_->Run(*steady, Rows({0}))), "200");
  EXPECT_EQ(num_models, 1);
  EXPECT_GE(num_answers, 3000);
  EXPECT_GT(num_refused, 0);
}

}  // namespace
}  // namespace raceway::engine
