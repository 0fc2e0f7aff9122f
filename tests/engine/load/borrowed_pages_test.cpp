#include "engine/load/borrowed_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "engine/load/admission.h"
#include "engine/load/chunk_reader.h"
#include "engine/load/memory_use.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using testing::EqualExtents;
using testing::IsAsWritten;
using testing::RandomFile;

constexpr uint64_t kSize = 8 << 20;

class BorrowedPagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    file_.Cache(0, kSize);
    if (!BorrowPages(*file_.Open(), 0, extents_, writers_, nullptr))
      GTEST_SKIP() << "files here cannot be leased";
  }

  std::shared_ptr<LoadJob> Load(Verify verify = Verify::kBeforePublish,
                                std::shared_ptr<MemoryClaim> claim = nullptr) {
    auto job = LoadJob::Start(scheduler_, {file_.Open()}, extents_,
                              {.verify = verify, .writers = writers_, .claim = std::move(claim)})
                   .value();
    loaded_ = job->WaitAll();
    return job;
  }

  bool AllAreAsWritten(const LoadJob& job) const {
    return std::all_of(extents_.begin(), extents_.end(),
                       [&](const Extent& extent) { return IsAsWritten(job, file_, extent); });
  }

  const RandomFile file_{kSize};
  const std::vector<Extent> extents_ = EqualExtents(file_, 100'000);
  const std::shared_ptr<RunDoor> writers_ = std::make_shared<RunDoor>();
  SteadyClock clock_;
  ReadScheduler scheduler_{MakeChunkReader(), {}, clock_};
  Status loaded_ = Done{};
};

TEST_F(BorrowedPagesTest, NothingIsCopied) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer notes each access to memory in memory of this process";
#endif
  const int64_t before = OwnMemoryUse().value().own;
  const auto job = Load();
  ASSERT_TRUE(loaded_);
  EXPECT_TRUE(job->borrows_pages());
  EXPECT_TRUE(AllAreAsWritten(*job));
  const int fd = open(file_.path().c_str(), O_RDONLY | O_CLOEXEC);  // as another process has it
  void* other = mmap(nullptr, kSize, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  close(fd);
  ASSERT_NE(other, MAP_FAILED);
  EXPECT_LT(OwnMemoryUse().value().own - before, int64_t{kSize} / 4);
  munmap(other, kSize);
}

TEST_F(BorrowedPagesTest, OthersLeaveRoomForTheCopy) {
  // Whoever copies may hold the claim for longer than this test.
  static auto& admission = *new Admission([] { return MemoryRoom{.num_bytes = kSize * 3 / 2}; });
  const auto claim = std::make_shared<MemoryClaim>(admission);
  ASSERT_TRUE(claim->Take(kSize));
  const auto job = Load(Verify::kBeforePublish, claim);
  ASSERT_TRUE(loaded_);
  MemoryClaim other(admission);
  EXPECT_FALSE(other.Take(kSize));
  file_.FlipByte(0);  // takes the copy
  EXPECT_TRUE(other.Take(kSize));
}

TEST_F(BorrowedPagesTest, AWrongChecksumIsFound) {
  file_.FlipByte(kSize / 2);
  for (const Verify verify : {Verify::kBeforePublish, Verify::kBeforeAnswer}) {
    Load(verify);
    ASSERT_FALSE(loaded_);
    EXPECT_EQ(loaded_.error().code, ErrorCode::kFailed);
  }
}

TEST_F(BorrowedPagesTest, TheyStayWhatTheyWereWhenTheFileIsOverwritten) {
  const auto job = Load();
  ASSERT_TRUE(loaded_);
  file_.Overwrite(0, std::vector<std::byte>(kSize));
  EXPECT_TRUE(AllAreAsWritten(*job));
}

TEST_F(BorrowedPagesTest, TheyStayWhatTheyWereWhenTheFileIsTruncated) {
  const auto job = Load();
  ASSERT_TRUE(loaded_);
  ASSERT_EQ(truncate(file_.path().c_str(), 1), 0);
  EXPECT_TRUE(AllAreAsWritten(*job));
}

TEST_F(BorrowedPagesTest, WhatIsWrittenIntoThemStaysInThisProcess) {
  const auto job = Load();
  std::memset(job->data(3), 0, extents_[3].size);
  file_.FlipByte(0);  // takes a copy, of what was written as well
  EXPECT_TRUE(std::all_of(job->data(3), job->data(3) + extents_[3].size,
                          [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_FALSE(IsAsWritten(*job, file_, extents_[3]));
  const auto again = Load();
  EXPECT_TRUE(IsAsWritten(*again, file_, extents_[3]));
}

TEST_F(BorrowedPagesTest, NoWriteIsLostWhileACopyIsTaken) {
  const auto job = Load();
  auto* const count = reinterpret_cast<uint64_t*>(job->data(0));
  *count = 0;
  std::atomic<uint64_t> num_writes = 0;
  std::atomic<bool> is_over = false;
  std::thread model([&] {
    while (!is_over) {
      const RunDoor::Inside inside(writers_.get());
      *const_cast<volatile uint64_t*>(count) = *count + 1;
      ++num_writes;
    }
  });
  while (num_writes == 0) std::this_thread::yield();
  file_.FlipByte(0);
  is_over = true;
  model.join();
  EXPECT_EQ(*count, num_writes);
}

TEST_F(BorrowedPagesTest, WhoWritesIntoTheFileWaitsForACallThatIsLong) {
  const auto job = Load();
  std::atomic<bool> is_written = false;
  std::thread writer;
  {
    const RunDoor::Inside inside(writers_.get());
    writer = std::thread([&] {
      file_.FlipByte(0);
      is_written = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_FALSE(is_written);
    std::thread other([&] { const RunDoor::Inside also(writers_.get()); });  // goes on
    other.join();
  }
  writer.join();
  EXPECT_TRUE(AllAreAsWritten(*job));
}

TEST_F(BorrowedPagesTest, AFileThatIsPartlyCachedIsRead) {
  if (!file_.Evict()) GTEST_SKIP() << "files here cannot leave the page cache";
  file_.Cache(0, kSize / 2);
  const auto job = Load();
  ASSERT_TRUE(loaded_);
  EXPECT_FALSE(job->borrows_pages());
  EXPECT_TRUE(AllAreAsWritten(*job));
}

TEST_F(BorrowedPagesTest, AFileThatIsBeingWrittenIsRead) {
  const int fd = open(file_.path().c_str(), O_WRONLY | O_CLOEXEC);
  const auto job = Load();
  close(fd);
  ASSERT_TRUE(loaded_);
  EXPECT_FALSE(job->borrows_pages());
}

}  // namespace
}  // namespace raceway::engine::load
