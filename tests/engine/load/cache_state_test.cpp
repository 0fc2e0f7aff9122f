#include "engine/load/cache_state.h"

#include <gtest/gtest.h>

#include "engine/load/arena.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

TEST(CacheStateTest, SeesWhatIsInThePageCache) {
  const testing::RandomFile file(1 << 20);
  const std::shared_ptr<ModelFile> open = file.Open();
  const int fd = open->cached_fd();
  EXPECT_TRUE(IsCached(fd, 0, 1 << 20));
  EXPECT_TRUE(IsCachedByMincore(fd, 0, 1 << 20));
  if (!file.Evict()) GTEST_SKIP() << "files here cannot leave the page cache";
  EXPECT_FALSE(IsCached(fd, 0, 1 << 20));
  EXPECT_FALSE(IsCachedByMincore(fd, 0, 1 << 20));
  file.Cache(0, 500'000);
  EXPECT_TRUE(IsCached(fd, 0, 400'000));
  EXPECT_TRUE(IsCachedByMincore(fd, 0, 400'000));
  EXPECT_FALSE(IsCached(fd, 0, 1 << 20));
  EXPECT_FALSE(IsCachedByMincore(fd, 0, 1 << 20));
}

TEST(CacheStateTest, DropsAFileAndSaysWhatIsLeft) {
  const testing::RandomFile file(1'000'001);
  const std::shared_ptr<ModelFile> open = file.Open();
  EXPECT_EQ(CountCachedBytes(open->cached_fd(), 1'000'001), 1'000'001u);
  EXPECT_EQ(CountCachedBytes(open->cached_fd(), 0), 0u);
  DropFromCache(open->cached_fd());
  if (IsCached(open->cached_fd(), 0, 1)) GTEST_SKIP() << "files here cannot leave the page cache";
  EXPECT_EQ(CountCachedBytes(open->cached_fd(), 1'000'001), 0u);
  file.Cache(5 * kBlock, 10 * kBlock);
  EXPECT_EQ(CountCachedBytes(open->cached_fd(), 1'000'001), 10 * kBlock);
}

TEST(CacheStateTest, NothingIsAlwaysThere) {
  const testing::RandomFile file(1);
  EXPECT_TRUE(IsCached(file.Open()->cached_fd(), 0, 0));
  EXPECT_TRUE(IsCachedByMincore(file.Open()->cached_fd(), 0, 0));
}

}  // namespace
}  // namespace raceway::engine::load
