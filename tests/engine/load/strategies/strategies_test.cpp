#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/layers.h"
#include "engine/load/strategies/strategy.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/strategies/cold_models.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::AnswerOf;
using testing::ColdModel;
using testing::FlipBit;
using ::testing::HasSubstr;
using testing::IsSame;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

constexpr ThrottleOptions kSlow = {.bytes_per_second = 200e6, .latency = 50us};

std::vector<Strategy> All() {
  std::vector<Strategy> all;
  for (const StrategyInfo& info : Strategies()) all.push_back(info.strategy);
  return all;
}

constexpr char kChain[] = "  return x @ self.w0 @ self.w1 @ self.w2 @ self.w3\n";

class StrategiesTest : public ::testing::TestWithParam<Strategy> {
 protected:
  StrategiesTest() { ForgetIdle(); }
  static std::string_view name() { return Strategies()[static_cast<size_t>(GetParam())].name; }

  TemporaryFolder folder_;
};

/// Twice: what the first leaves behind, the second may use.
TEST_P(StrategiesTest, AnswersAsAPlainLoadDoes) {
  for (const ColdModel& model : testing::ModelsOfAllKinds(folder_)) {
    const c10::IValue expected = testing::StockAnswer(model);
    ColdRequest request{.model = model.path, .inputs = model.inputs};
    for (const bool is_slow : {false, true}) {
      if (is_slow) request.disk = kSlow;
      for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(IsSame(AnswerOf(GetParam(), request).value, expected))
            << model.name << (is_slow ? ", slow" : "");
      }
    }
  }
}

TEST_P(StrategiesTest, AnswersAsAPlainLoadDoesForTheExamples) {
  for (const auto& [path, inputs] : testing::ModelsOfTheExamples()) {
    const c10::IValue expected = testing::StockAnswer(path, inputs);
    const ColdRequest request{.model = path, .inputs = inputs};
    EXPECT_TRUE(IsSame(AnswerOf(GetParam(), request).value, expected)) << path;
  }
}

TEST_P(StrategiesTest, AnswersAlikeHoweverBytesAreReadAndChecked) {
  const ColdModel model = testing::SaveVgg(folder_, "vgg.pt", {16, 32, 64});
  const at::Tensor expected = testing::StockAnswer(model);
  for (const Verify verify : {Verify::kBeforePublish, Verify::kBeforeAnswer, Verify::kNever}) {
    for (const bool use_page_cache : {false, true}) {
      ForgetIdle();
      const ColdRequest request{.model = model.path,
                                .inputs = model.inputs,
                                .use_page_cache = use_page_cache,
                                .verify = verify};
      EXPECT_TRUE(at::equal(AnswerOf(GetParam(), request).value.toTensor(), expected));
    }
  }
}

TEST_P(StrategiesTest, SeveralAnswerAtOnce) {
  const std::vector<ColdModel> models = {testing::SaveVgg(folder_, "a.pt", {16, 32, 64}),
                                         testing::SaveVgg(folder_, "b.pt", {32, 64}, 2)};
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      const ColdModel& model = models[static_cast<size_t>(caller % 2)];
      const at::Tensor expected = testing::StockAnswer(model);
      for (int i = 0; i < 5; ++i) {
        const ColdRequest request{.model = model.path, .inputs = model.inputs};
        EXPECT_TRUE(at::equal(AnswerOf(GetParam(), request).value.toTensor(), expected));
      }
    });
  }
}

TEST_P(StrategiesTest, IsAsSlowAsTheDisk) {
  const ColdModel model = testing::SaveSquares(folder_, "m.pt", kChain, {1, 2, 3, 4}, 512);
  const ColdRequest request{.model = model.path,
                            .inputs = model.inputs,
                            .disk = ThrottleOptions{.bytes_per_second = 40e6, .latency = 50us}};
  const ColdAnswer answer = AnswerOf(GetParam(), request);
  EXPECT_GE(answer.end - answer.begin, 104ms);  // 4 MiB
}

TEST_P(StrategiesTest, ADamagedWeightIsAnErrorAndNoAnswer) {
  if (GetParam() == Strategy::kSequential) GTEST_SKIP() << "LibTorch looks at no checksum";
  const ColdModel model = testing::SaveSquares(folder_, "m.pt", kChain, {1, 2, 3, 4});
  const Result<ScannedModel> scanned = Scan({.model = model.path});
  FlipBit(model.path, scanned->extents[2].offset + 100);
  const Result<ColdAnswer> answer =
      AnswerCold(GetParam(), {.model = model.path, .inputs = model.inputs});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
  EXPECT_THAT(answer.error().message, HasSubstr("m.pt"));
}

TEST_P(StrategiesTest, WhatGoesWrongIsSaid) {
  const ColdModel model = testing::SaveSquares(folder_, "m.pt", kChain, {1, 2, 3, 4});
  const auto code_of = [](const ColdRequest& request) {
    return AnswerCold(GetParam(), request).error().code;
  };
  EXPECT_EQ(code_of({.model = folder_ / "none.pt"}), ErrorCode::kUnavailable);
  testing::WriteBytes(folder_ / "text.pt", "no archive");
  EXPECT_EQ(code_of({.model = folder_ / "text.pt"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.model = model.path}), ErrorCode::kFailed);
  EXPECT_EQ(code_of({.model = model.path, .inputs = model.inputs, .method = "none"}),
            ErrorCode::kFailed);
}

INSTANTIATE_TEST_SUITE_P(All, StrategiesTest, ::testing::ValuesIn(All()), [](const auto& info) {
  std::string name(Strategies()[static_cast<size_t>(info.param)].name);
  std::erase(name, '-');
  return name;
});

TEST(StrategyNamesTest, AreFoundAgain) {
  ASSERT_EQ(Strategies().size(), 10u);
  for (size_t i = 0; i < Strategies().size(); ++i) {
    EXPECT_EQ(Strategies()[i].strategy, static_cast<Strategy>(i));
    EXPECT_EQ(StrategyNamed(Strategies()[i].name), Strategies()[i].strategy);
  }
  EXPECT_EQ(StrategyNamed("sequential_fast"), std::nullopt);
}

std::string NamesOf(const std::vector<Layer>& layers) {
  std::string names;
  for (const Layer& layer : layers) {
    names += layer.name + ":" + std::to_string(layer.storages.size()) + " ";
  }
  return names;
}

TEST(LayersTest, AreTopLevelModulesAndElementsOfLists) {
  const TemporaryFolder folder;
  const ColdModel vgg = testing::SaveVgg(folder, "vgg.pt", {64, 64});
  EXPECT_EQ(NamesOf(LayersOf(*Scan({.model = vgg.path}))),
            "features.0:1 features.1:1 classifier:2 ");
  EXPECT_EQ(NamesOf(LayersOf(*Scan({.model = testing::Archived("forking.pt")}))),
            "here:1 there:1 ");
  EXPECT_EQ(NamesOf(LayersOf(*Scan({.model = testing::Archived("frozen.pt")}))),
            "constants.0:1 constants.3:1 ");
  EXPECT_EQ(LayerOf("model.layers.17.attention.weight", "model."), "model.layers.17");
  EXPECT_EQ(LayerOf("layers.17.weight", "layers."), "layers.17");
  EXPECT_EQ(LayerOf("head.weight", ""), "head");
  EXPECT_EQ(LayerOf("w0", ""), "w0");
}

}  // namespace
}  // namespace raceway::engine::load
