#include "engine/load/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <cstring>

#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using testing::IsReadable;

TEST(ArenaTest, IsAddressSpaceAndNoMemory) {
  const std::shared_ptr<Arena> arena = Arena::Reserve(uint64_t{8} << 30).value();
  EXPECT_EQ(arena->CountResident(), 0u);
  arena->data()[123'456'789] = std::byte{1};
  EXPECT_EQ(arena->CountResident(), kBlock);
}

TEST(ArenaTest, IsCongruentWithItsFile) {
  const std::shared_ptr<Arena> arena = Arena::Reserve(10'000).value();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(arena->data()) % kBlock, 0u);
  EXPECT_EQ(arena->size(), 12'288u);
  EXPECT_EQ(arena->target(), arena->data());
  EXPECT_EQ(Arena::Reserve(0).value()->size(), kBlock);
}

TEST(ArenaTest, HugePagesTakeNoMoreThanWhatIsRead) {
  constexpr uint64_t kMiB = 1 << 20;
  const std::shared_ptr<Arena> arena = Arena::Reserve(9 * kMiB).value();
  arena->UseHugePages(kMiB, 6 * kMiB);  // one at 2, one at 4
  EXPECT_EQ(arena->CountResident(), 0u);
  for (uint64_t at = 0; at < 9 * kMiB; at += kMiB) arena->data()[at] = std::byte{1};
  EXPECT_GE(arena->CountResident(), 9 * kBlock);
  EXPECT_LE(arena->CountResident(), 4 * kMiB + 5 * kBlock);
}

TEST(ArenaTest, ReleasesWholePagesOnly) {
  const std::shared_ptr<Arena> arena = Arena::Reserve(4 * kBlock).value();
  std::memset(arena->data(), 7, 4 * kBlock);
  arena->Release(100, 3 * kBlock);  // the pages 1 and 2
  EXPECT_EQ(arena->CountResident(), 2 * kBlock);
  EXPECT_EQ(arena->data()[99], std::byte{7});
  EXPECT_EQ(arena->data()[3 * kBlock + 100], std::byte{7});
  EXPECT_EQ(arena->data()[kBlock], std::byte{0});
}

TEST(ArenaTest, GuardsWhatIsNotPublished) {
  const std::shared_ptr<Arena> arena = Arena::Reserve(3 * kBlock, true).value();
  std::memset(arena->target(), 7, 2 * kBlock);
  EXPECT_FALSE(IsReadable(arena->data()));
  arena->Publish(kBlock + 10, 20);
  EXPECT_FALSE(IsReadable(arena->data()));
  EXPECT_TRUE(IsReadable(arena->data() + kBlock));
  EXPECT_FALSE(IsReadable(arena->data() + 2 * kBlock));
  EXPECT_EQ(arena->data()[kBlock], std::byte{7});
  arena->Publish(2 * kBlock, 1);  // nothing was written there
  float value = 0;
  std::memcpy(&value, arena->data() + 2 * kBlock, sizeof(value));
  EXPECT_TRUE(std::isnan(value));
  arena->Release(kBlock, kBlock);
  EXPECT_FALSE(IsReadable(arena->data() + kBlock));
}

TEST(ArenaTest, SaysWhenThereIsNoRoom) {
  const Result<std::shared_ptr<Arena>> arena = Arena::Reserve(uint64_t{1} << 60);
  ASSERT_FALSE(arena.ok());
  EXPECT_EQ(arena.error().code, ErrorCode::kUnavailable);
}

TEST(ArenaTest, MappableMemoryCanBeMappedTwice) {
  const std::shared_ptr<Arena> arena = Arena::ReserveMappable(10 * kBlock).value();
  EXPECT_EQ(arena->CountResident(), 0u);
  arena->target()[5 * kBlock] = std::byte{7};
  void* again = mmap(nullptr, arena->size(), PROT_READ, MAP_SHARED, arena->fd(), 0);
  ASSERT_NE(again, MAP_FAILED);
  const std::byte* seen = static_cast<std::byte*>(again) + 5 * kBlock;
  EXPECT_EQ(*seen, std::byte{7});
  arena->Release(0, arena->size());
  EXPECT_EQ(arena->CountResident(), 0u);
  EXPECT_EQ(*seen, std::byte{0});
  munmap(again, arena->size());
}

}  // namespace
}  // namespace raceway::engine::load
