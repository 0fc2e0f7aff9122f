// What the bench of loads stands on: what is cold and what is hot, processes, requests over an
// hour.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/load/cache_state.h"
#include "engine/load/model_file.h"
#include "tests/support/resident.h"
#include "tools/bench/load/disk.h"
#include "tools/bench/load/fork.h"
#include "tools/bench/load/invocations.h"
#include "tools/bench/load/memory.h"

namespace raceway::bench {
namespace {

class DiskTest : public testing::Test {
 protected:
  DiskTest() : path_(std::filesystem::current_path() / ("bench-" + std::to_string(::getpid()))) {
    std::ofstream(path_) << std::string(kSize, 'x');
  }
  ~DiskTest() override { std::filesystem::remove(path_); }

  uint64_t CachedBytes() const {
    const auto file = *engine::load::ModelFile::Open(path_.string());
    return engine::load::CountCachedBytes(file->cached_fd(), file->size());
  }

  static constexpr uint64_t kSize = (9 << 20) + 100;
  const std::filesystem::path path_;
};

TEST_F(DiskTest, ColdIsOutOfThePageCacheAndHotIsAllOfIt) {
  MakeCold(path_);
  EXPECT_EQ(CachedBytes(), 0);
  MakeHot(path_);
  EXPECT_EQ(CachedBytes(), kSize);
}

TEST_F(DiskTest, ReadingPastTheCacheLeavesAFileCold) {
  MakeCold(path_);
  EXPECT_GT(DirectRate(path_), 1e6);
  EXPECT_EQ(CachedBytes(), 0);
}

TEST(InForkTest, GivesTheAnswerOfAnotherProcess) {
  const nlohmann::json answer = InFork([] { return nlohmann::json{{"pid", ::getpid()}}; });
  EXPECT_NE(answer["pid"], ::getpid());
}

TEST(InForkTest, ALongAnswerArrivesWhole) {
  const nlohmann::json answer = InFork([] { return nlohmann::json(std::string(1 << 20, 'x')); });
  EXPECT_EQ(answer.get<std::string>().size(), 1 << 20);
}

TEST(InForkDeathTest, EndsTheBenchWithWhatWentWrong) {
  EXPECT_EXIT(InFork([]() -> nlohmann::json { throw std::runtime_error("no such luck"); }),
              testing::ExitedWithCode(1), "no such luck");
  EXPECT_EXIT(InFork([]() -> nlohmann::json { Stop("not here", 4); }), testing::ExitedWithCode(4),
              "not here");
  EXPECT_EXIT(InFork([]() -> nlohmann::json { std::abort(); }), testing::ExitedWithCode(1),
              "signal 6");
}

TEST(PeakMemoryTest, SeesWhatIsGoneAgain) {
  const nlohmann::json above = InFork([] {
    const PeakMemory peak;
    { const std::vector<char> used(100 << 20, 'x'); }
    return nlohmann::json(peak.AboveBaseline());
  });
  EXPECT_GE(above.get<uint64_t>(), uint64_t{100} << 20);
  // A sanitizer has memory of its own about it.
  if (!tests::kFreedIsGone) return;
  EXPECT_LT(above.get<uint64_t>(), uint64_t{110} << 20);
}

TEST(InvocationsTest, AnHourOfThePapersTrace) {
  const std::vector<Invocation> hour = HourOfInvocations(19);
  ASSERT_EQ(hour.size(), 2426);
  EXPECT_TRUE(std::is_sorted(hour.begin(), hour.end(),
                             [](const auto& a, const auto& b) { return a.second < b.second; }));
  EXPECT_GE(hour.front().second, 0);
  EXPECT_LT(hour.back().second, 3600);
  std::vector<int> calls(19);
  for (const Invocation& invocation : hour) ++calls.at(invocation.model);
  EXPECT_GT(*std::min_element(calls.begin(), calls.end()), 0);
  EXPECT_GT(*std::max_element(calls.begin(), calls.end()), 2 * 2426 / 19);
}

TEST(InvocationsTest, PartOfItInLessTime) {
  const std::vector<Invocation> hour = HourOfInvocations(3);
  const std::vector<Invocation> part = Compressed(hour, 10, 2);
  EXPECT_EQ(part.size(), std::count_if(hour.begin(), hour.end(),
                                       [](const auto& one) { return one.second < 600; }));
  EXPECT_LT(part.back().second, 300);
  EXPECT_DOUBLE_EQ(part.back().second, hour[part.size() - 1].second / 2);
}

TEST(InvocationsTest, WhoComesWhileAnotherIsAnsweredWaits) {
  const std::vector<Invocation> invocations = {{0, 0}, {1, 1}, {1.5, 0}, {10, 1}};
  EXPECT_THAT(SimulatedLatencies(invocations, {2, 0.5}), testing::ElementsAre(2, 1.5, 3, 0.5));
}

}  // namespace
}  // namespace raceway::bench
