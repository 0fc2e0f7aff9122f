// Loads by all strategies in turn, and in the end no memory, descriptor or thread more than after
// the first of them. RACEWAY_LOADS says how many, 200 if not set.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "engine/load/strategies/strategy.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/strategies/cold_models.h"
#include "tests/support/resident.h"

namespace raceway::engine::load {
namespace {

using testing::ColdModel;
using testing::CountInProc;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

int CountLoads() {
  const char* const loads = std::getenv("RACEWAY_LOADS");
  return loads == nullptr ? 200 : std::atoi(loads);
}

struct Footprint {
  int64_t descriptors = CountInProc("fd");
  int64_t threads = CountInProc("task");
  int64_t bytes = tests::ResidentBytes();
};

TEST(StrategySoakTest, LoadsLeaveNothingBehind) {
  const TemporaryFolder folder;
  const std::vector<ColdModel> models = testing::ModelsOfAllKinds(folder);
  std::vector<at::Tensor> expected;
  for (const ColdModel& model : models) expected.push_back(testing::StockAnswer(model));
  std::mt19937 random(1);
  const int num_loads = CountLoads();
  const auto answer_some = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const size_t model = random() % models.size();
      ColdRequest request{.model = models[model].path, .inputs = models[model].inputs};
      if (random() % 2 == 0)
        request.disk = ThrottleOptions{.bytes_per_second = 1e9, .latency = 10us};
      request.use_page_cache = random() % 2 == 0;
      const auto strategy = static_cast<Strategy>(static_cast<size_t>(i) % Strategies().size());
      const Result<ColdAnswer> answer = AnswerCold(strategy, request);
      ASSERT_TRUE(answer.ok()) << answer.error().Text();
      ASSERT_TRUE(at::equal(answer->value.toTensor(), expected[model])) << models[model].name;
    }
    ForgetIdle();
  };
  // Afterwards every pool and arena has its size, and the thread of leases is there.
  ASSERT_TRUE(
      AnswerCold(Strategy::kRaceway, {.model = models[0].path, .inputs = models[0].inputs}));
  answer_some(100);
  const Footprint before;
  answer_some(num_loads);
  EXPECT_TRUE(testing::Eventually([&] { return CountInProc("task") <= before.threads; }));
  const Footprint after;
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_LE(after.threads, before.threads);
  const int64_t grown = after.bytes - before.bytes;
  std::printf("%d loads: %+ld KiB, %ld descriptors, %ld threads\n", num_loads, grown / 1024,
              after.descriptors, after.threads);
  if (!tests::kFreedIsGone) return;
  EXPECT_LT(grown, 32 << 20);
}

}  // namespace
}  // namespace raceway::engine::load
