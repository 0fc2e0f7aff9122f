#include "engine/load/cache_state.h"

#include <gtest/gtest.h>

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

TEST(CacheStateTest, NothingIsAlwaysThere) {
  const testing::RandomFile file(1);
  EXPECT_TRUE(IsCached(file.Open()->cached_fd(), 0, 0));
  EXPECT_TRUE(IsCachedByMincore(file.Open()->cached_fd(), 0, 0));
}

}  // namespace
}  // namespace raceway::engine::load
