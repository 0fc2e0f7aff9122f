#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/load/strategies/strategy.h"
#include "engine/load/strategies/tensor_store.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/strategies/cold_models.h"

namespace raceway::engine::load {
namespace {

using testing::AnswerOf;
using testing::ColdModel;
using testing::EventLog;
using testing::RandomFile;
using testing::TemporaryFolder;

constexpr char kChain[] = "  return x @ self.w0 @ self.w1 @ self.w2 @ self.w3\n";
constexpr uint64_t kSize = 64 << 10;

class TensorStoreTest : public ::testing::Test {
 protected:
  static std::vector<const std::byte*> BytesOf(const RandomFile& file,
                                               const std::vector<Extent>& extents) {
    std::vector<const std::byte*> bytes;
    for (const Extent& extent : extents) bytes.push_back(file.bytes(extent).data());
    return bytes;
  }

  static void ExpectAsWritten(const std::vector<std::optional<SharedBytes>>& shared,
                              const RandomFile& file, const std::vector<Extent>& extents) {
    for (size_t i = 0; i < extents.size(); ++i) {
      ASSERT_TRUE(shared[i]);
      const std::span<const std::byte> written = file.bytes(extents[i]);
      EXPECT_TRUE(std::equal(written.begin(), written.end(), shared[i]->data));
    }
  }

  TemporaryFolder folder_;
  TensorStore store_{folder_ / "store", 16 * kSize};
};

TEST_F(TensorStoreTest, WhatIsPublishedIsFoundByWhoeverOpensTheFile) {
  const RandomFile file(4 * kSize);
  const std::vector<Extent> extents = testing::EqualExtents(file, kSize);
  EXPECT_FALSE(store_.Find(*file.Open(), extents)[0]);
  const auto published = store_.Publish(*file.Open(), extents, BytesOf(file, extents));
  ASSERT_TRUE(published.ok());
  ExpectAsWritten(*published, file, extents);
  const TensorStore other(folder_ / "store", 16 * kSize);
  ExpectAsWritten(other.Find(*file.Open(), extents), file, extents);
}

TEST_F(TensorStoreTest, EqualTensorsOfTwoFilesAreOne) {
  const RandomFile file(4 * kSize);
  const RandomFile copy(4 * kSize);
  const std::vector<Extent> extents = testing::EqualExtents(file, kSize);
  const auto first = store_.Publish(*file.Open(), extents, BytesOf(file, extents));
  const uint64_t before = store_.CountBytes();
  EXPECT_FALSE(store_.Find(*copy.Open(), extents)[0]);  // nobody has looked at it
  const auto second = store_.Publish(*copy.Open(), extents, BytesOf(copy, extents));
  EXPECT_EQ(store_.CountBytes(), before);
  ExpectAsWritten(*second, copy, extents);
}

TEST_F(TensorStoreTest, EqualChecksumsOfUnequalTensorsMergeNothing) {
  const RandomFile file(4 * kSize, 1);
  const RandomFile other(4 * kSize, 2);
  std::vector<Extent> extents = testing::EqualExtents(file, kSize);
  for (Extent& extent : extents) extent.crc32 = 7;
  const auto first = store_.Publish(*file.Open(), extents, BytesOf(file, extents));
  const auto second = store_.Publish(*other.Open(), extents, BytesOf(other, extents));
  ExpectAsWritten(*first, file, extents);
  ExpectAsWritten(*second, other, extents);
}

TEST_F(TensorStoreTest, AChangedFileIsAnother) {
  const RandomFile file(4 * kSize);
  const std::vector<Extent> extents = testing::EqualExtents(file, kSize);
  const auto published = store_.Publish(*file.Open(), extents, BytesOf(file, extents));
  file.FlipByte(kSize + 5);
  EXPECT_FALSE(store_.Find(*file.Open(), extents)[0]);
}

TEST_F(TensorStoreTest, WhatIsWrittenIntoATensorStaysWithWhoWrites) {
  const RandomFile file(kSize);
  const std::vector<Extent> extents = testing::EqualExtents(file, kSize);
  const auto mine = store_.Publish(*file.Open(), extents, BytesOf(file, extents));
  (*mine)[0]->data[10] ^= std::byte{1};
  ExpectAsWritten(store_.Find(*file.Open(), extents), file, extents);
}

TEST_F(TensorStoreTest, WhatNobodyUsesMakesRoom) {
  const RandomFile old(10 * kSize, 1);
  const RandomFile fresh(10 * kSize, 2);
  const std::vector<Extent> extents = testing::EqualExtents(old, kSize);
  const std::vector<Extent> others = testing::EqualExtents(fresh, kSize);
  {
    const auto held = store_.Publish(*old.Open(), extents, BytesOf(old, extents));
    const auto refused = store_.Publish(*fresh.Open(), others, BytesOf(fresh, others));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    ExpectAsWritten(*held, old, extents);
  }
  const auto published = store_.Publish(*fresh.Open(), others, BytesOf(fresh, others));
  ExpectAsWritten(*published, fresh, others);
  EXPECT_FALSE(store_.Find(*old.Open(), extents)[0]);
  EXPECT_LE(store_.CountBytes(), 16 * kSize);
}

TEST_F(TensorStoreTest, NothingIsBelievedOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives folders away";
  const RandomFile file(kSize);
  const std::vector<Extent> extents = testing::EqualExtents(file, kSize);
  const auto published = store_.Publish(*file.Open(), extents, BytesOf(file, extents));
  ASSERT_TRUE(published.ok());
  ASSERT_EQ(chown((folder_ / "store").c_str(), 4711, 4711), 0);
  TensorStore theirs(folder_ / "store", 16 * kSize);
  EXPECT_FALSE(theirs.Find(*file.Open(), extents)[0]);
  EXPECT_FALSE(theirs.Publish(*file.Open(), extents, BytesOf(file, extents)).ok());
}

TEST(TetrisTest, WhatIsInMemoryIsNotReadAgain) {
  const TemporaryFolder folder;
  const ColdModel model = testing::SaveSquares(folder, "m.pt", kChain, {11, 12, 13, 14}, 256);
  const at::Tensor expected = testing::StockAnswer(model);
  for (const bool is_there : {false, true}) {
    EventLog log;
    const ColdAnswer answer = AnswerOf(
        Strategy::kTetris, {.model = model.path, .inputs = model.inputs, .on_event = log.sink()});
    EXPECT_TRUE(at::equal(answer.value.toTensor(), expected));
    EXPECT_EQ(log.BytesOf(Lane::kRetrieve) == 0, is_there);
  }
  ForgetIdle();
}

/// Of this process's mappings of the store: all that is in memory, and its share of it, in KiB.
struct SharedMemory {
  int64_t resident = 0;
  int64_t share = 0;
};

SharedMemory MeasureShared() {
  SharedMemory memory;
  std::ifstream maps("/proc/self/smaps");
  bool is_ours = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string key;
    int64_t kib = 0;
    words >> key;
    if (key.find('-') != std::string::npos) is_ours = line.find(".segment") != std::string::npos;
    words >> kib;
    if (is_ours && key == "Rss:") memory.resident += kib;
    if (is_ours && key == "Pss:") memory.share += kib;
  }
  return memory;
}

constexpr char kChildModel[] = "RACEWAY_TETRIS_MODEL";

ColdAnswer AnswerShared(const std::string& path) {
  return AnswerOf(Strategy::kTetris, {.model = path, .inputs = {at::ones({5, 512})}});
}

/// The other process: it answers, says so, and stays until it is told to go.
TEST(TetrisTest, DISABLED_Child) {
  const char* const model = std::getenv(kChildModel);
  if (model == nullptr) GTEST_SKIP();
  const ColdAnswer answer = AnswerShared(model);
  std::puts("answered");
  std::fflush(stdout);
  while (true) pause();
}

/// This program once more, as the other process; its output is read through the pipe.
pid_t StartChild(int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  const char* const arguments[] = {"child", "--gtest_filter=TetrisTest.DISABLED_Child",
                                   "--gtest_also_run_disabled_tests", nullptr};
  pid_t child = -1;
  EXPECT_EQ(posix_spawn(&child, "/proc/self/exe", &actions, nullptr,
                        const_cast<char* const*>(arguments), environ),
            0);
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

TEST(TetrisTest, TwoProcessesHaveTheirTensorsOnce) {
  const TemporaryFolder folder;
  const ColdModel model = testing::SaveSquares(folder, "m.pt", kChain, {21, 22, 23, 24}, 512);
  ForgetIdle();
  const ColdAnswer answer = AnswerShared(model.path.string());
  const SharedMemory alone = MeasureShared();
  EXPECT_GE(alone.resident, 4 << 10);  // 4 MiB
  EXPECT_GE(alone.share, alone.resident * 9 / 10);

  setenv(kChildModel, model.path.c_str(), 1);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = StartChild(ends[1]);
  close(ends[1]);
  FILE* const output = fdopen(ends[0], "r");
  std::string said;
  for (char line[256]; std::fgets(line, sizeof(line), output) != nullptr;) {
    said = line;
    if (said == "answered\n") break;
  }
  EXPECT_EQ(said, "answered\n");
  const SharedMemory shared = MeasureShared();
  EXPECT_GE(shared.resident, 4 << 10);
  EXPECT_LE(shared.share, shared.resident * 6 / 10);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  std::fclose(output);
}

}  // namespace
}  // namespace raceway::engine::load
