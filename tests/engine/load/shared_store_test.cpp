#include "engine/load/shared_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "engine/load/arena.h"
#include "engine/load/memory_use.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kSize = 16 * kBlock;

class SharedStoreTest : public ::testing::Test {
 protected:
  SharedStoreTest() {
    char folder[] = "/dev/shm/raceway-test-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~SharedStoreTest() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<SharedBlock> Get(std::chrono::milliseconds max_wait = 10s) const {
    return SharedStore(folder_).Get("weights", kSize, max_wait).value();
  }
  static void Fill(const SharedBlock& block, int byte, uint64_t size = kSize) {
    const auto arena = Arena::Map(block.fd(), kSize, /*writes=*/true).value();
    std::memset(arena->target(), byte, size);
  }
  static std::byte FirstByte(const SharedBlock& block) {
    return Arena::Map(block.fd(), kSize, /*writes=*/false).value()->data()[0];
  }
  int64_t CountFiles() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }
  /// Runs in another process, and returns how that ended.
  template <typename Function>
  static pid_t InAnotherProcess(const Function& function) {
    const pid_t child = fork();
    if (child == 0) {
      function();
      _exit(0);
    }
    return child;
  }
  static int WaitFor(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }

  std::filesystem::path folder_;
};

TEST_F(SharedStoreTest, WhatIsPublishedIsFound) {
  const auto written = Get();
  ASSERT_FALSE(written->is_published());
  Fill(*written, 7);
  ASSERT_TRUE(written->Publish().ok());
  const auto found = Get();
  EXPECT_TRUE(found->is_published());
  EXPECT_EQ(FirstByte(*found), std::byte{7});
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(SharedStoreTest, IsGoneWithTheLastThatHasIt) {
  auto written = Get();
  ASSERT_TRUE(written->Publish().ok());
  auto found = Get();
  written.reset();
  EXPECT_EQ(CountFiles(), 1);
  found.reset();
  EXPECT_EQ(CountFiles(), 0);
}

TEST_F(SharedStoreTest, NobodyFindsWhatIsNotWhole) {
  auto written = Get();
  Fill(*written, 7, kSize / 2);
  EXPECT_FALSE(SharedStore(folder_).Get("weights", kSize, 20ms).ok());
  written.reset();
  EXPECT_EQ(CountFiles(), 0);
  EXPECT_FALSE(Get()->is_published());
}

TEST_F(SharedStoreTest, WhoComesMeanwhileWaits) {
  const auto written = Get();
  std::atomic<bool> has_found = false;
  std::jthread other([&] {
    EXPECT_EQ(FirstByte(*Get()), std::byte{7});
    has_found = true;
  });
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(has_found);
  Fill(*written, 7);
  ASSERT_TRUE(written->Publish().ok());
  other.join();
}

TEST_F(SharedStoreTest, APublisherThatDiesLeavesNothing) {
  const pid_t child = InAnotherProcess([&] {
    const auto written = Get();
    Fill(*written, 7, kSize / 2);
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(WaitFor(child)));
  const auto block = Get();
  EXPECT_FALSE(block->is_published());
  EXPECT_EQ(FirstByte(*block), std::byte{0});
}

TEST_F(SharedStoreTest, WhatADeadProcessPublishedIsRemoved) {
  const pid_t child = InAnotherProcess([&] {
    const auto written = SharedStore(folder_).Get("others", kSize, 1s).value();
    if (!written->Publish().ok()) _exit(1);
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(WaitFor(child)));
  EXPECT_EQ(CountFiles(), 1);
  SharedStore(folder_).RemoveStale();
  EXPECT_EQ(CountFiles(), 0);
}

TEST_F(SharedStoreTest, OfManyThatBeginAtOnceOneWrites) {
  constexpr int kProcesses = 8;
  // How a process ends. Not by 0, in whose place a thread sanitizer puts a code of its own if it
  // has reported something, be it before the fork.
  enum End { kWrote = 1, kFound = 2, kHasNone = 3, kCannotPublish = 4, kIsTorn = 5 };
  for (int round = 0; round < 5; ++round) {
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
      children.push_back(InAnotherProcess([&] {
        const auto block = SharedStore(folder_).Get("weights", kSize, 10s);
        if (!block.ok()) _exit(kHasNone);
        const bool writes = !(*block)->is_published();
        if (writes) {
          Fill(**block, 7);
          if (!(*block)->Publish().ok()) _exit(kCannotPublish);
        }
        if (FirstByte(**block) != std::byte{7}) _exit(kIsTorn);
        std::this_thread::sleep_for(100ms);
        _exit(writes ? kWrote : kFound);
      }));
    }
    std::vector<int> ends;
    for (const pid_t child : children) {
      const int status = WaitFor(child);
      ends.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    std::sort(ends.begin(), ends.end());
    std::vector<int> expected(kProcesses, kFound);
    expected.front() = kWrote;
    EXPECT_EQ(ends, expected);
    SharedStore(folder_).RemoveStale();  // `_exit` runs no destructors
    EXPECT_EQ(CountFiles(), 0);
  }
}

TEST_F(SharedStoreTest, WhoWritesGetsACopy) {
  const auto written = Get();
  Fill(*written, 7);
  ASSERT_TRUE(written->Publish().ok());
  const auto one = Arena::Map(Get()->fd(), kSize, /*writes=*/false).value();
  const auto other = Arena::Map(Get()->fd(), kSize, /*writes=*/false).value();
  one->data()[5] = std::byte{9};
  EXPECT_EQ(one->data()[5], std::byte{9});
  EXPECT_EQ(other->data()[5], std::byte{7});
}

TEST_F(SharedStoreTest, FilesOfOthersAreNotBelieved) {
  const auto block = Get();
  ASSERT_TRUE(block->Publish().ok());
  std::filesystem::path path;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) path = entry.path();
  chmod(path.c_str(), 0666);
  const auto own = Get();
  EXPECT_FALSE(own->is_published());
  EXPECT_FALSE(own->Publish().ok());  // the name is taken
  EXPECT_FALSE(own->is_published());
}

TEST_F(SharedStoreTest, MoreThanThereIsRoomForIsAnError) {
  const auto block = SharedStore(folder_).Get("much", uint64_t{1} << 50, 1s);
  ASSERT_FALSE(block.ok());
  EXPECT_EQ(block.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(CountFiles(), 0);
}

TEST_F(SharedStoreTest, MemoryThatIsSharedCountsInParts) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "what the sanitizer keeps is shared with a fork as well";
#endif
  constexpr uint64_t kMuch = 64 << 20;
  auto written = SharedStore(folder_).Get("much", kMuch, 1s).value();
  {
    const auto arena = Arena::Map(written->fd(), kMuch, /*writes=*/true).value();
    std::memset(arena->target(), 1, kMuch);
  }
  ASSERT_TRUE(written->Publish().ok());
  const auto touch = [&] {
    auto arena = Arena::Map(written->fd(), kMuch, /*writes=*/false).value();
    uint64_t sum = 0;
    for (uint64_t at = 0; at < kMuch; at += kBlock) sum += static_cast<uint8_t>(arena->data()[at]);
    return sum == kMuch / kBlock ? arena : nullptr;
  };
  const MemoryUse before = OwnMemoryUse().value();
  int has_touched[2];
  int may_end[2];
  ASSERT_EQ(pipe(has_touched) + pipe(may_end), 0);
  const pid_t child = InAnotherProcess([&] {
    close(may_end[1]);
    const auto arena = touch();
    char byte = 0;
    if (write(has_touched[1], &byte, 1) != 1) _exit(1);
    _exit(read(may_end[0], &byte, 1) == 0 ? 0 : 2);
  });
  char byte = 0;
  ASSERT_EQ(::read(has_touched[0], &byte, 1), 1);
  const auto arena = touch();
  const MemoryUse after = OwnMemoryUse().value();
  close(may_end[1]);
  EXPECT_EQ(WaitFor(child), 0);
  EXPECT_GT(after.resident - before.resident, int64_t{kMuch} * 9 / 10);
  EXPECT_GT(after.proportional - before.proportional, int64_t{kMuch} / 4);
  EXPECT_LT(after.proportional - before.proportional, int64_t{kMuch} * 3 / 4);
}

}  // namespace
}  // namespace raceway::engine::load
