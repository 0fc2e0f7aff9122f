#include "engine/load/streamed_module.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <map>
#include <sstream>
#include <system_error>
#include <thread>

#include "engine/load/archive.h"
#include "engine/load/load_trace.h"
#include "engine/load/measure_limit.h"
#include "engine/load/memory_use.h"
#include "engine/load/record_order.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/use_order.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/modules.h"

namespace raceway::engine::load {
namespace {

using testing::Answer;
using testing::Archived;
using testing::Barrier;
using testing::BytesOf;
using testing::Call;
using testing::DirectoryHeaderAt;
using ::testing::ElementsAre;
using testing::ErrorOf;
using testing::Faults;
using testing::FaultyScheduler;
using testing::FlipBit;
using ::testing::HasSubstr;
using testing::HeldBy;
using ::testing::IsEmpty;
using testing::kChain;
using testing::kWidth;
using testing::LocalHeaderAt;
using ::testing::Not;
using testing::Packaged;
using testing::StockAnswer;
using testing::TemporaryFolder;
using testing::With;
using testing::WriteBytes;
using namespace std::chrono_literals;

constexpr uint64_t kWeight = kWidth * kWidth * sizeof(float);  // in bytes

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

TEST_F(StreamedModuleTest, WeightsMayLieInOtherFiles) {
  const at::Tensor input = at::randn({5, 128});
  const std::filesystem::path path = Packaged("layers.pt");
  const at::Tensor own = StockAnswer(path, input);
  const at::Tensor other = StockAnswer(Packaged("other.pt"), input);
  ASSERT_FALSE(at::equal(own, other));
  for (const auto& [name, expected] :
       {std::pair("other.safetensors", other), std::pair("other.safetensors.index.json", other),
        std::pair("layers-exported.pt2", own)}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      FaultyScheduler scheduler(
          Faults{.seed = seed, .short_reads = 20, .interruptions = 10, .delay = 1ms});
      StreamedOptions options{.load = {.guarded = seed % 2 == 0}, .weights = Packaged(name)};
      options.load.plan.chunk_bytes = 4096;
      const auto streamed = LoadStreamed(scheduler, path, options);
      EXPECT_TRUE(at::equal(Answer(*streamed, input), expected)) << name;
      EXPECT_TRUE(streamed->WaitAll().ok());
      options.dtype = at::kDouble;
      const auto cast = LoadStreamed(scheduler, path, options);
      EXPECT_TRUE(at::allclose(Answer(*cast, input.to(at::kDouble)), expected.to(at::kDouble),
                               /*rtol=*/1e-4, /*atol=*/1e-5));
    }
  }
}

TEST_F(StreamedModuleTest, WeightsOfAnotherModelAreRefused) {
  FaultyScheduler scheduler(Faults{});
  const auto error_of = [&](const std::filesystem::path& model, StreamedOptions options) {
    const auto streamed = StreamedModule::Load(*scheduler, model, std::move(options));
    return streamed.ok() ? std::string() : streamed.error().Text();
  };
  EXPECT_THAT(error_of(Packaged("layers.pt"), {.weights = Archived("all.safetensors")}),
              HasSubstr("is no weight of the model; "));
  EXPECT_THAT(error_of(Packaged("layers.pt"), {.weights = Packaged("other-3.safetensors")}),
              HasSubstr("other-3.safetensors: lacks `layers.0.weight`, `layers.0.bias`, "
                        "`layers.1.weight` and 3 more of the model"));
  EXPECT_THAT(error_of(Packaged("layers.pt"),
                       {.weights = Packaged("other.safetensors"), .memory = MemoryMode::kStream}),
              HasSubstr("neither streamed nor shared"));
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
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = Load(scheduler, path);
  EXPECT_EQ(streamed->job().arena(0)->CountResident(), 0u);
  EXPECT_EQ(streamed->job().CountPending(), 200);
  EXPECT_EQ(streamed->module().parameters().size(), 200u);
  barrier.Open();
}

TEST_F(StreamedModuleTest, TheStructureTakesNoMemory) {
  constexpr int64_t kLarge = 1024;
  const std::filesystem::path path = SaveModule(folder_, kChain, 24, "large.pt", kLarge);
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto small = Load(scheduler, SaveModule(folder_, kChain));  // what LibTorch takes once
  const int64_t before = OwnMemoryUse()->resident;
  const auto streamed = Load(scheduler, path);
  const int64_t taken = OwnMemoryUse()->resident - before;
  EXPECT_LT(taken, 24 * kLarge * kLarge * 4 / 100);
  barrier.Open();
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
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = Load(scheduler, path);
  EXPECT_TRUE(is_open());
  barrier.Open();
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
    if (tensor.name == "w3") FlipBit(path, weights->storages[tensor.storage].extent.offset + 100);
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
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = Load(scheduler, path);
  CancelToken cancel;
  std::jthread caller([&] { EXPECT_THROW(Answer(*streamed, input_, cancel), Stopped); });
  std::this_thread::sleep_for(20ms);
  cancel.Cancel();
  caller.join();
  barrier.Open();
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

/// The keys that operators of this thread pass before their kernels: a gate's is among them, or
/// not.
int64_t KeysOfOperators() {
  return static_cast<int64_t>(c10::impl::tls_local_dispatch_key_set().included_.raw_repr());
}

TEST_F(StreamedModuleTest, NoOperatorPassesTheGateOnceAllIsThere) {
  const c10::InferenceMode inference;
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = Load(scheduler, SaveModule(folder_, kChain));
  const auto keys = [&] { return streamed->Run(CancelToken(), &KeysOfOperators); };
  EXPECT_NE(keys(), KeysOfOperators());
  barrier.Open();
  while (streamed->job().CountPending() > 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(keys(), KeysOfOperators());
  EXPECT_TRUE(streamed->is_complete());
}

TEST_F(StreamedModuleTest, WeightsWithoutChecksumAreSaidOnce) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  const at::Tensor expected = StockAnswer(path, input_);
  const std::string record = Archive::Open(path)->Find("data/2")->name;
  std::string bytes = BytesOf(path);
  bytes = With<uint32_t>(bytes, LocalHeaderAt(bytes, record) + 14, 0);
  WriteBytes(path, With<uint32_t>(bytes, DirectoryHeaderAt(bytes, record) + 16, 0));
  std::ostringstream log;
  std::streambuf* const before = std::clog.rdbuf(log.rdbuf());
  FaultyScheduler scheduler(Faults{});
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(at::equal(Answer(*Load(scheduler, path), input_), expected));
  }
  std::clog.rdbuf(before);
  EXPECT_EQ(log.str(), "raceway: " + path.string() +
                           ": 1 of 4 weights are without checksum; `raceway repack` fills it in\n");
}

TEST_F(StreamedModuleTest, TheOrderOfUseIsRecorded) {
  const std::filesystem::path path = SaveModule(
      folder_, "def forward(self, x):\n  return x @ self.w3 @ self.w1.t() @ self.w3 @ self.w0\n");
  FaultyScheduler scheduler(Faults{});
  const auto order = RecordOrder(*scheduler, path, "forward", {input_});
  ASSERT_TRUE(order.ok()) << order.error().Text();
  EXPECT_THAT(*order, ElementsAre("data/3", "data/1", "data/0"));
  EXPECT_EQ(RecordOrder(*scheduler, path, "forward", {}).error().code, ErrorCode::kFailed);
  WriteBytes(OrderFileOf(path), UseOrderText(*order));
  const auto streamed = Load(scheduler, path);
  EXPECT_THAT(streamed->names(), ElementsAre("data/3", "data/1", "data/0", "data/2"));
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
