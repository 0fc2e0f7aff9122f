#include "engine/store/prefetcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace raceway::engine {
namespace {

/// Whether `count` gets so large within ten seconds.
bool Reaches(const std::atomic<size_t>& count, size_t wanted) {
  for (int i = 0; i < 2000 && count < wanted; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return count >= wanted;
}

TEST(PrefetcherTest, GoesOnAfterWhatReadingThrows) {
  std::atomic<size_t> num_read = 0;
  std::atomic<size_t> num_thrown = 0;
  Prefetcher prefetcher([&](const Prefetcher::Keys& keys) {
    if (std::find(keys.begin(), keys.end(), "bad") != keys.end()) {
      ++num_thrown;
      throw std::runtime_error("the disk is gone");
    }
    num_read += keys.size();
  });
  for (size_t i = 1; i <= 4; ++i) {  // more often than there are threads
    prefetcher.Add({"bad"});
    ASSERT_TRUE(Reaches(num_thrown, i));
  }
  prefetcher.Add({"a", "b"});
  EXPECT_TRUE(Reaches(num_read, 2));
}

TEST(PrefetcherTest, OfTooManyKeysItTakesThoseThereIsRoomFor) {
  std::atomic<size_t> num_read = 0;
  Prefetcher prefetcher([&](const Prefetcher::Keys& keys) { num_read += keys.size(); });
  prefetcher.Add(Prefetcher::Keys(5000, "key"));
  EXPECT_TRUE(Reaches(num_read, 4096));
  EXPECT_LT(num_read, 5000);
}

}  // namespace
}  // namespace raceway::engine
