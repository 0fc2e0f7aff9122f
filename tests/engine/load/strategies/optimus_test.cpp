#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "engine/load/strategies/resident_models.h"
#include "engine/load/strategies/strategy.h"
#include "engine/load/strategies/transform_plan.h"
#include "tests/engine/load/strategies/cold_models.h"

namespace raceway::engine::load {
namespace {

using testing::AnswerOf;
using testing::ColdModel;
using testing::EventLog;
using testing::TemporaryFolder;

constexpr char kChain[] = "  return x @ self.w0 @ self.w1 @ self.w2 @ self.w3\n";
constexpr uint64_t kMiB = 1 << 20;

std::string Show(const TransformPlan& plan) {
  std::string text = plan.keeps_module ? "module" : "anew";
  for (size_t i = 0; i < plan.from.size(); ++i) {
    text += " " + std::to_string(plan.from[i]) + (plan.is_kept[i] ? "=" : "");
  }
  return text;
}

TEST(TransformPlanTest, OfTheSameStructureOnlyWhatDiffersIsBoundAnew) {
  const TransformModel resident{"s", true, {{kMiB, 1}, {kMiB, 2}, {kMiB, 3}}};
  const TransformModel wanted{"s", false, {{kMiB, 1}, {kMiB, 7}, {kMiB, -1}}};
  EXPECT_EQ(Show(PlanTransform(resident, wanted, {})), "module 0= -1 -1");
}

TEST(TransformPlanTest, AModuleWithTracesOfItsRunsIsMadeAnew) {
  const TransformModel resident{"s", false, {{kMiB, 1}, {kMiB, 2}}};
  EXPECT_EQ(Show(PlanTransform(resident, {"s", false, {{kMiB, 1}, {kMiB, 7}}}, {})), "anew 0= 1");
}

TEST(TransformPlanTest, OfAnotherStructureMemoryOfTheSameSizeIsUsedAgain) {
  const TransformModel resident{"s", true, {{kMiB, 1}, {2 * kMiB, 2}, {kMiB, 3}}};
  const TransformModel wanted{
      "t", false, {{2 * kMiB, -1}, {kMiB, -1}, {kMiB, 1}, {kMiB, 8}, {3 * kMiB, -1}}};
  EXPECT_EQ(Show(PlanTransform(resident, wanted, {})), "anew 1 2 0= -1 -1");
}

TEST(TransformPlanTest, WhatIsKeptIsNotRead) {
  const TransformModel resident{"s", true, {{kMiB, 1}, {kMiB, 2}}};
  const TransformModel other{"s", false, {{kMiB, 5}, {kMiB, 6}}};
  const double same = PlanTransform(resident, resident, {}).seconds;
  EXPECT_LT(same, PlanTransform(resident, other, {}).seconds);
  EXPECT_LT(PlanTransform(resident, other, {}).seconds, PlanCold(other, {}).seconds);
}

TEST(TransformPlanTest, WhatGivesNothingIsNoSoonerThanAColdLoad) {
  const TransformModel resident{"s", true, {{kMiB, 1}}};
  const TransformModel wanted{"t", false, {{2 * kMiB, 5}}};
  EXPECT_GE(PlanTransform(resident, wanted, {}).seconds, PlanCold(wanted, {}).seconds);
}

class OptimusTest : public ::testing::Test {
 protected:
  OptimusTest() { ForgetIdle(); }

  /// Answers as a plain load does; returns how many bytes were read, and keeps what stays.
  uint64_t Answer(const ColdModel& model, std::shared_ptr<const void>* resident = nullptr) {
    EventLog log;
    const ColdAnswer answer = AnswerOf(
        Strategy::kOptimus, {.model = model.path, .inputs = model.inputs, .on_event = log.sink()});
    EXPECT_TRUE(at::equal(answer.value.toTensor(), testing::StockAnswer(model))) << model.name;
    if (resident != nullptr) *resident = answer.resident;
    num_applied_ = log.Of(Lane::kApply).size();
    return log.BytesOf(Lane::kRetrieve);
  }

  TemporaryFolder folder_;
  size_t num_applied_ = 0;  // in the last answer
};

TEST_F(OptimusTest, TheSameModelIsThere) {
  const ColdModel model = testing::SaveVgg(folder_, "vgg.pt", {16, 32, 64});
  EXPECT_GT(Answer(model), 0u);
  EXPECT_EQ(Answer(model), 0u);
}

TEST_F(OptimusTest, OneVggBecomesAnother) {
  const ColdModel vgg11 = testing::SaveVgg(folder_, "vgg11.pt", {16, 32, 64, 64}, 1);
  const ColdModel vgg19 = testing::SaveVgg(folder_, "vgg19.pt", {16, 32, 32, 64, 64, 64}, 2);
  Answer(vgg11);
  EXPECT_GT(Answer(vgg19), 0u);
  EXPECT_GE(num_applied_, 4u);  // in memory that the first one had
  EXPECT_EQ(ResidentModels::Instance().CountIdle(), 1u);
  EXPECT_GT(Answer(vgg11), 0u);
  EXPECT_GE(num_applied_, 4u);
}

TEST_F(OptimusTest, OtherWeightsOfTheSameModelAreSwapped) {
  const ColdModel one = testing::SaveSquares(folder_, "one.pt", kChain, {1, 2, 3, 4}, 256);
  const ColdModel two = testing::SaveSquares(folder_, "two.pt", kChain, {1, 2, 7, 8}, 256);
  const uint64_t all = Answer(one);
  EXPECT_EQ(Answer(two), all);  // nobody knows yet what is the same
  EXPECT_EQ(num_applied_, 4u);
  EXPECT_LT(Answer(one), all * 3 / 4);
  EXPECT_EQ(num_applied_, 2u);
  EXPECT_LT(Answer(two), all * 3 / 4);
  EXPECT_EQ(ResidentModels::Instance().CountIdle(), 1u);
}

TEST_F(OptimusTest, ABusyModelIsLeftAlone) {
  const ColdModel model = testing::SaveVgg(folder_, "vgg.pt", {16, 32, 64});
  std::shared_ptr<const void> busy;
  const uint64_t all = Answer(model, &busy);
  EXPECT_EQ(ResidentModels::Instance().CountIdle(), 0u);
  std::shared_ptr<const void> other;
  EXPECT_EQ(Answer(model, &other), all);
  busy.reset();
  EXPECT_EQ(ResidentModels::Instance().CountIdle(), 1u);
  EXPECT_EQ(Answer(model), 0u);
}

TEST_F(OptimusTest, AWeightThatTheModelHasWrittenIsReadAgain) {
  const ColdModel model = testing::SaveSquares(
      folder_, "m.pt", "  self.w0.add_(1.0)\n  return x @ self.w0 @ self.w1\n", {1, 2}, 256);
  const uint64_t all = Answer(model);
  const uint64_t again = Answer(model);
  EXPECT_GT(again, 0u);
  EXPECT_LT(again, all);
}

TEST_F(OptimusTest, FewModelsIdle) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    std::vector<std::shared_ptr<const void>> held(2);
    for (auto& resident : held) {
      Answer(testing::SaveVgg(folder_, std::to_string(seed) + ".pt", {16, 32, 64}, seed),
             &resident);
    }
  }
  EXPECT_EQ(ResidentModels::Instance().CountIdle(), ResidentModels::kMaxIdle);
}

}  // namespace
}  // namespace raceway::engine::load
