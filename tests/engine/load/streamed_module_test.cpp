#include "engine/load/streamed_module.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <system_error>
#include <thread>

#include "engine/load/archive.h"
#include "engine/load/memory_use.h"
#include "engine/load/torchscript_source.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/modules.h"

namespace raceway::engine::load {
namespace {

using ::testing::HasSubstr;
using namespace testing;
using namespace std::chrono_literals;

/// A gate; to be opened before the scheduler goes.
class Blocker {
 public:
  void Wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

class StreamedModuleTest : public ::testing::Test {
 protected:
  StreamedModuleTest() { EXPECT_TRUE(InstallOperatorGate().ok()); }

  static std::shared_ptr<StreamedModule> Load(FaultyScheduler& scheduler,
                                              const std::filesystem::path& path,
                                              LoadOptions options = {}) {
    return LoadStreamed(scheduler, path, {.load = std::move(options)});
  }

  TemporaryFolder folder_;
  const at::Tensor input_ = at::randn({5, kWidth});
};

TEST_F(StreamedModuleTest, AnswersAsTheStockLoaderDoes) {
  const at::Tensor words = at::randint(50, {4, 7});
  const at::Tensor image = at::randn({1, 3, 8, 8});
  const std::vector<std::pair<std::string, at::Tensor>> models = {
      {"tied.pt", words}, {"frozen.pt", words}, {"traced.pt", image}, {"remembering.pt", input_}};
  for (const auto& [name, input] : models) {
    const at::Tensor expected = StockAnswer(Archived(name), input);
    for (const bool guarded : {false, true}) {
      FaultyScheduler scheduler(Faults{.delay = 300us});
      const auto streamed = Load(scheduler, Archived(name), {.guarded = guarded});
      EXPECT_TRUE(at::equal(Answer(*streamed, input), expected)) << name;
      EXPECT_TRUE(streamed->WaitAll().ok());
      EXPECT_TRUE(streamed->is_complete());
      EXPECT_TRUE(at::equal(Answer(*streamed, input), expected)) << name;
    }
  }
}

TEST_F(StreamedModuleTest, AnswersAreRightInWhateverOrderTheBytesCome) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  const at::Tensor expected = StockAnswer(path, input_);
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    FaultyScheduler scheduler(Faults{
        .seed = seed, .short_reads = 30, .interruptions = 10, .io_errors = 5, .delay = 200us});
    LoadOptions options{.guarded = seed % 2 == 0};
    options.plan.chunk_bytes = 4096;
    const auto streamed = Load(scheduler, path, options);
    std::vector<std::jthread> callers;
    for (int i = 0; i < 2; ++i) {
      callers.emplace_back(
          [&] { EXPECT_TRUE(at::equal(Answer(*streamed, input_), expected)) << seed; });
    }
  }
}

TEST_F(StreamedModuleTest, WhatIsNotUsedIsNotWaitedFor) {
  const std::filesystem::path path =
      SaveModule(folder_,
                 "def forward(self, x):\n  if x.numel() > 1000000:\n    x = x @ self.w3\n"
                 "  return x @ self.w0\n");
  const at::Tensor expected = StockAnswer(path, input_);
  const Result<Archive> archive = Archive::Open(path);
  const Result<WeightMap> weights = ReadTorchScript(*archive);
  uint64_t unused = 0;
  for (const Tensor& tensor : weights->tensors) {
    if (tensor.name == "w3") unused = weights->storages[tensor.storage].extent.offset;
  }
  FaultyScheduler scheduler(
      Faults{.intercept = [unused](const ReadRequest& request) -> std::optional<int64_t> {
        if (request.offset + request.size > unused) return -EIO;
        return std::nullopt;
      }});
  LoadOptions options;
  options.plan.chunk_bytes = 4096;
  const auto streamed = Load(scheduler, path, options);
  EXPECT_TRUE(at::equal(Answer(*streamed, input_), expected));
  EXPECT_FALSE(streamed->WaitAll().ok());
  EXPECT_FALSE(streamed->is_complete());
}

TEST_F(StreamedModuleTest, TheStructureReadsNoWeight) {
  const std::filesystem::path path = SaveModule(folder_, kChain, 200);
  Blocker blocker;
  FaultyScheduler scheduler(Faults{.intercept = [&](const ReadRequest&) {
    blocker.Wait();
    return std::nullopt;
  }});
  const auto streamed = Load(scheduler, path);
  EXPECT_EQ(streamed->job().arena(0)->CountResident(), 0u);
  EXPECT_EQ(streamed->job().CountPending(), 200);
  EXPECT_EQ(streamed->module().parameters().size(), 200u);
  blocker.Open();
}

TEST_F(StreamedModuleTest, TheStructureTakesNoMemory) {
  constexpr int64_t kLarge = 1024;
  const std::filesystem::path path = SaveModule(folder_, kChain, 24, "large.pt", kLarge);
  Blocker blocker;
  FaultyScheduler scheduler(Faults{.intercept = [&](const ReadRequest&) {
    blocker.Wait();
    return std::nullopt;
  }});
  const auto small = Load(scheduler, SaveModule(folder_, kChain));  // what LibTorch takes once
  const int64_t before = OwnMemoryUse()->resident;
  const auto streamed = Load(scheduler, path);
  const int64_t taken = OwnMemoryUse()->resident - before;
  EXPECT_LT(taken, 24 * kLarge * kLarge * 4 / 100);
  blocker.Open();
}

TEST_F(StreamedModuleTest, ItsFileIsClosedOnceAllIsRead) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  const auto is_open = [&] {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) == path) return true;
    }
    return false;
  };
  Blocker blocker;
  FaultyScheduler scheduler(Faults{.intercept = [&](const ReadRequest&) {
    blocker.Wait();
    return std::nullopt;
  }});
  const auto streamed = Load(scheduler, path);
  EXPECT_TRUE(is_open());
  blocker.Open();
  ASSERT_TRUE(streamed->WaitAll().ok());
  for (int i = 0; i < 1000 && is_open(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(is_open());
}

TEST_F(StreamedModuleTest, AWeightThatIsDamagedEndsWhatReadsIt) {
  const std::filesystem::path path =
      SaveModule(folder_,
                 "def forward(self, x):\n  if x.size(0) > 1:\n    x = x @ self.w3\n"
                 "  return x @ self.w0\n");
  const at::Tensor one = at::ones({1, kWidth});
  const at::Tensor expected = StockAnswer(path, one);
  const Result<Archive> archive = Archive::Open(path);
  const Result<WeightMap> weights = ReadTorchScript(*archive);
  for (const Tensor& tensor : weights->tensors) {
    if (tensor.name != "w3") continue;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(weights->storages[tensor.storage].extent.offset + 100));
    file.put('\x7f');
  }
  FaultyScheduler scheduler(Faults{});
  const auto streamed = Load(scheduler, path);
  EXPECT_TRUE(at::equal(Answer(*streamed, one), expected));  // does without it
  EXPECT_THAT(ErrorOf(*streamed, input_), AllOf(HasSubstr("m.pt"), HasSubstr("record `data/")));
  EXPECT_FALSE(streamed->is_complete());
  EXPECT_TRUE(at::equal(Answer(*streamed, one), expected));
}

TEST_F(StreamedModuleTest, WhoWaitsCanBeStopped) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  Blocker blocker;
  FaultyScheduler scheduler(Faults{.intercept = [&](const ReadRequest&) {
    blocker.Wait();
    return std::nullopt;
  }});
  const auto streamed = Load(scheduler, path);
  CancelToken cancel;
  std::jthread caller([&] { EXPECT_THROW(Answer(*streamed, input_, cancel), Stopped); });
  std::this_thread::sleep_for(20ms);
  cancel.Cancel();
  caller.join();
  blocker.Open();
  EXPECT_TRUE(at::equal(Answer(*streamed, input_), StockAnswer(path, input_)));
}

TEST_F(StreamedModuleTest, ThreadsThatTheModelStartsFindAllOfIt) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "LibTorch's inter-op threads and their locks are not instrumented";
#endif
  const std::filesystem::path path = Archived("forking.pt");
  const at::Tensor expected = StockAnswer(path, input_);
  for (int i = 0; i < 20; ++i) {
    FaultyScheduler scheduler(Faults{.delay = 2ms});
    const auto streamed = Load(scheduler, path, {.guarded = true});
    EXPECT_TRUE(at::equal(Answer(*streamed, input_), expected));
  }
}

TEST_F(StreamedModuleTest, EqualConstantsThatAreNotThereYetStayApart) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  torch::jit::Module frozen = torch::jit::load(path.string());
  frozen.eval();
  torch::jit::freeze(frozen).save((folder_ / "frozen.pt").string());
  const at::Tensor expected = StockAnswer(folder_ / "frozen.pt", input_);
  FaultyScheduler scheduler(Faults{.delay = 1ms});
  const auto streamed = Load(scheduler, folder_ / "frozen.pt", {.guarded = true});
  EXPECT_TRUE(at::equal(Answer(*streamed, input_), expected));
}

}  // namespace
}  // namespace raceway::engine::load
