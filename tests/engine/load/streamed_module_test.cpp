#include "engine/load/streamed_module.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "engine/load/archive.h"
#include "engine/load/load_trace.h"
#include "engine/load/measure_limit.h"
#include "engine/load/torchscript_source.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using ::testing::ElementsAre;
using testing::Faults;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

constexpr int64_t kWidth = 64;
constexpr uint64_t kWeight = kWidth * kWidth * sizeof(float);  // in bytes

/// Layers of weights, and what is done with them.
std::filesystem::path SaveModule(const TemporaryFolder& folder, const std::string& forward,
                                 int num_weights = 4) {
  torch::jit::Module module("m");
  for (int i = 0; i < num_weights; ++i) {
    module.register_parameter("w" + std::to_string(i), at::randn({kWidth, kWidth}), false);
  }
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(forward);
  const std::filesystem::path path = folder / "m.pt";
  module.save(path.string());
  return path;
}

constexpr char kChain[] =
    "def forward(self, x):\n"
    "  for i in range(2):\n"
    "    x = torch.relu(x @ self.w0) @ self.w1 + x @ self.w2.t()\n"
    "  return torch.cat([x, self.w3]).view(-1)[2:]\n";

at::Tensor Call(torch::jit::Module module, std::vector<c10::IValue> inputs) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  return module.forward(std::move(inputs)).toTensor();
}

at::Tensor StockAnswer(const std::filesystem::path& path, const at::Tensor& input) {
  const c10::InferenceMode inference;
  torch::jit::Module module = torch::jit::load(path.string());
  module.eval();
  return Call(module, {input});
}

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
    const c10::InferenceMode inference;
    Result<std::shared_ptr<StreamedModule>> streamed =
        StreamedModule::Load(*scheduler, path, std::move(options));
    if (!streamed) throw std::runtime_error(streamed.error().Text());
    return *streamed;
  }

  static at::Tensor Answer(StreamedModule& streamed, const at::Tensor& input,
                           const CancelToken& cancel = CancelToken()) {
    return streamed.Run(cancel, [&] { return Call(streamed.module(), {input}); });
  }

  /// "failed: …", or nothing.
  static std::string ErrorOf(StreamedModule& streamed, const at::Tensor& input) {
    try {
      Answer(streamed, input);
      return {};
    } catch (const WeightMissing& missing) {
      return std::string(NameOf(missing.error.code)) + ": " + missing.error.Text();
    }
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
  EXPECT_THAT(ErrorOf(*streamed, input_), HasSubstr("m.pt"));
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

TEST_F(StreamedModuleTest, TellsWhereTheTimeGoes) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  FaultyScheduler scheduler(Faults{.delay = 2ms});
  LoadRecorder recorder;
  const auto streamed = Load(scheduler, path, {.on_event = recorder.Sink()});
  EXPECT_TRUE(streamed->WaitAll().ok());
  Answer(*streamed, input_);  // with nothing to wait for
  std::vector<std::string> names;
  std::map<std::string, uint64_t> reads;
  for (const LoadEvent& event : recorder.Take()) {
    EXPECT_LE(event.begin, event.end);
    if (event.lane == Lane::kScan || event.lane == Lane::kApply) names.push_back(event.name);
    if (event.lane != Lane::kExecute) continue;
    for (const StorageUse& use : event.reads) reads[event.name] += use.num_bytes;
  }
  EXPECT_THAT(names, ElementsAre("archive", "small weights", "bind", "structure"));
  EXPECT_EQ(reads["aten::matmul"], 2 * 3 * kWeight);  // two rounds; the view of w2 counts here
  EXPECT_EQ(reads["aten::cat"], kWeight);
  EXPECT_EQ(reads["aten::t"], 0u);
  Answer(*streamed, input_);
  EXPECT_THAT(recorder.Take(), IsEmpty());  // later calls are free
  streamed->RunGated(CancelToken(), [&] { return Call(streamed->module(), {input_}); });
  EXPECT_THAT(recorder.Take(), Not(IsEmpty()));
}

TEST_F(StreamedModuleTest, WhatALimitConsistsOfIsMeasured) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  FaultyScheduler scheduler(Faults{.intercept = [](const ReadRequest&) {
    std::this_thread::sleep_for(2ms);
    return std::nullopt;
  }});
  const Result<LoadRates> rates = MeasureRates(*scheduler, path);
  ASSERT_TRUE(rates.ok());
  EXPECT_GT(rates->read, 0);
  EXPECT_LT(rates->read, 4 * kWeight / 0.002);
  EXPECT_GT(rates->verify, rates->read);
  const auto steps = MeasureUse(*scheduler, path, "forward", {input_});
  ASSERT_TRUE(steps.ok()) << steps.error().Text();
  std::vector<uint64_t> bytes;
  for (const UseStep& step : *steps) {
    if (step.num_bytes > 0) bytes.push_back(step.num_bytes);
    EXPECT_GT(step.compute, 0ns);
  }
  EXPECT_THAT(bytes, ElementsAre(kWeight, kWeight, kWeight, kWeight));  // each once
  EXPECT_EQ(MeasureUse(*scheduler, path, "forward", {}).error().code, ErrorCode::kFailed);
  EXPECT_EQ(MeasureRates(*scheduler, folder_ / "none.pt").error().code, ErrorCode::kUnavailable);
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
