#include "engine/load/file_lease.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/engine/load/files.h"

namespace raceway::engine::load {
namespace {

using testing::Eventually;
using testing::RandomFile;

/// Opens it for writing as soon as it may.
class Writer {
 public:
  explicit Writer(const RandomFile& file)
      : thread_([this, &file] {
          close(open(file.path().c_str(), O_WRONLY | O_CLOEXEC));
          is_done_ = true;
        }) {}
  ~Writer() { thread_.join(); }
  bool is_done() const { return is_done_; }

 private:
  std::atomic<bool> is_done_ = false;
  std::thread thread_;
};

/// Whether it can be opened for writing without waiting.
bool IsFree(const RandomFile& file) {
  const int fd = open(file.path().c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) close(fd);
  return fd >= 0 || errno != EWOULDBLOCK;
}

class FileLeaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!FileLease::Take(open_->cached_fd(), [] { return true; })) {
      GTEST_SKIP() << "files here cannot be leased";
    }
  }

  const RandomFile file_{10'000};
  const std::shared_ptr<ModelFile> open_ = file_.Open();
};

TEST_F(FileLeaseTest, WhoWantsToWriteWaitsUntilItIsLetGo) {
  std::atomic<bool> may_go = false;
  std::atomic<int> num_asked = 0;
  const auto lease = FileLease::Take(open_->cached_fd(), [&] {
    ++num_asked;
    while (!may_go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return true;
  });
  ASSERT_TRUE(lease);
  const Writer writer(file_);
  EXPECT_TRUE(Eventually([&] { return num_asked == 1; }));
  EXPECT_FALSE(writer.is_done());
  may_go = true;
  EXPECT_TRUE(Eventually([&] { return writer.is_done(); }));
  EXPECT_EQ(num_asked, 1);
}

TEST_F(FileLeaseTest, IsAskedAgainUntilItLetsGo) {
  std::atomic<int> num_asked = 0;
  const auto lease = FileLease::Take(open_->cached_fd(), [&] { return ++num_asked == 2; });
  const Writer writer(file_);
  EXPECT_TRUE(Eventually([&] { return writer.is_done(); }));
  EXPECT_EQ(num_asked, 2);
}

TEST_F(FileLeaseTest, EachOfSeveralIsAsked) {
  const RandomFile other(10'000);
  const auto other_open = other.Open();
  std::atomic<int> num_asked = 0;
  const auto let_go = [&] {
    ++num_asked;
    return true;
  };
  const auto lease = FileLease::Take(open_->cached_fd(), let_go);
  const auto other_lease = FileLease::Take(other_open->cached_fd(), let_go);
  {
    const Writer writer(file_);
    const Writer other_writer(other);
  }
  EXPECT_EQ(num_asked, 2);
}

TEST_F(FileLeaseTest, EndsWithItsObject) {
  auto lease = FileLease::Take(open_->cached_fd(), [] { return false; });
  EXPECT_FALSE(IsFree(file_));
  lease.reset();
  EXPECT_TRUE(IsFree(file_));
}

TEST_F(FileLeaseTest, ThereIsNoneOfAFileThatIsBeingWritten) {
  const int fd = open(file_.path().c_str(), O_WRONLY | O_CLOEXEC);
  EXPECT_FALSE(FileLease::Take(open_->cached_fd(), [] { return true; }));
  close(fd);
}

TEST_F(FileLeaseTest, ReadersDoNotMind) {
  const auto lease = FileLease::Take(open_->cached_fd(), [] {
    ADD_FAILURE() << "nobody wants to write";
    return true;
  });
  EXPECT_TRUE(file_.Open()->CheckUnchanged());
}

TEST_F(FileLeaseTest, AChildHasLeasesOfItsOwn) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer lets no child of a process with threads start one";
#endif
  const pid_t child = fork();
  if (child == 0) {
    const auto open = file_.Open();  // what was open is the parent's as well
    const auto lease = FileLease::Take(open->cached_fd(), [] { return true; });
    { const Writer writer(file_); }
    _exit(lease ? 7 : 8);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace raceway::engine::load
