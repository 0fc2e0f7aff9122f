#include "tests/engine/load/soak.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>

#include "engine/load/chunk_reader.h"
#include "tests/engine/load/files.h"
#include "tests/support/resident.h"

namespace raceway::engine::load::testing {
namespace {

int NumLives() {
  const char* const loads = std::getenv("RACEWAY_SOAK_LOADS");
  return loads == nullptr ? 200 : std::atoi(loads);
}

}  // namespace

void ExpectLivesAreAlike(const std::function<void(ReadScheduler& scheduler, int life)>& one_life,
                         int64_t most_grown) {
  const int num_lives = NumLives();
  const SteadyClock clock;
  ReadScheduler scheduler(MakeChunkReader(), {}, clock);
  for (int life = 0; life < num_lives / 4; ++life) one_life(scheduler, life);  // caches fill
  const auto settled = [&] { return scheduler.CountInFlight() == 0; };
  ASSERT_TRUE(Eventually(settled));
  const int64_t files = CountInProc("fd");
  const int64_t threads = CountInProc("task");
  const int64_t maps = CountInProc("map_files");
  malloc_trim(0);
  const int64_t bytes = tests::ResidentBytes();
  for (int life = 0; life < num_lives; ++life) one_life(scheduler, life);
  EXPECT_TRUE(Eventually([&] { return settled() && CountInProc("fd") <= files; }))
      << CountInProc("fd") << ", were " << files;
  EXPECT_EQ(CountInProc("task"), threads);
  EXPECT_LE(CountInProc("map_files"), maps + 4);  // of the allocator
  malloc_trim(0);
  const int64_t grown = tests::ResidentBytes() - bytes;
  std::printf("%d loads: %+ld KiB\n", num_lives, static_cast<long>(grown / 1024));
  if (tests::kFreedIsGone) {
    EXPECT_LT(grown, most_grown);
  }
}

}  // namespace raceway::engine::load::testing
