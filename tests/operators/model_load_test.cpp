// Models of flows that are still being loaded: hints, requests, faults, memory.
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <mutex>

#include "engine/engine.h"
#include "engine/load/admission.h"
#include "engine/load/load_listener.h"
#include "engine/load/process_scheduler.h"
#include "engine/trace/tracer.h"
#include "operators/register_all.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/turnstile.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

namespace load = engine::load;
using engine::Batch;
using engine::Column;
using engine::Engine;
using engine::ErrorCode;
using engine::FlowHandle;
using engine::HintSpec;
using engine::PhysicalPlan;
using engine::Result;
using load::Lane;
using load::LoadEvent;
using load::Urgency;
using load::testing::CountInProc;
using load::testing::Eventually;
using load::testing::FlipBit;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr int64_t kWidth = 512;
constexpr int kNumWeights = 8;  // of 1 MiB
constexpr uint64_t kNumBytes = kNumWeights * kWidth * kWidth * 4;

HintSpec Hint(const std::string& member, engine::Value value) {
  return {"load." + member, std::move(value), "", "step", "f.flow:1:1"};
}

/// How the models of a test are written: what their names end with.
constexpr char kModule[] = ".pt";
constexpr char kPackage[] = ".pt2";
constexpr char kBlobPackage[] = "-blob.pt2";

/// Files of weights, and a disk that lets each read through when it is told to.
class ModelLoadTest : public ::testing::TestWithParam<const char*> {
 protected:
  explicit ModelLoadTest(int32_t window = 5)
      : scheduler_(
            load::testing::Faults{
                .intercept = [this](const load::ReadRequest& request) -> std::optional<int64_t> {
                  turnstile_.Pass(request);
                  if (is_broken_ && request.file->path().ends_with(a_)) return -EIO;
                  return std::nullopt;
                }},
            {.window = window, .background_window = 2, .patience = 1h, .late_factor = 1e6}) {
    setenv("XDG_CACHE_HOME", folder_.path().c_str(), /*overwrite=*/1);  // for code of packages
    Save(a_);
    Save(b_);
  }
  ~ModelLoadTest() override {
    turnstile_.Open();
    load::ProcessAdmission().SetGauge([] { return load::ReadMemoryRoom(); });
  }

  void Save(const std::string& name) const {
    if (is_module_) return SaveModule(name);
    std::filesystem::copy_file(load::testing::Packaged(std::string("chain") + GetParam()),
                               PathOf(name), std::filesystem::copy_options::overwrite_existing);
  }
  void SaveModule(const std::string& name) const {
    torch::jit::Module module("m");
    std::string forward = "def forward(self, x):\n";
    for (int i = 0; i < kNumWeights; ++i) {
      const std::string weight = "w" + std::to_string(i);
      module.register_parameter(weight, at::randn({kWidth, kWidth}), false);
      forward += "  x = torch.tanh(x @ self." + weight + ")\n";
    }
    module.register_attribute("training", c10::BoolType::get(), false);
    module.define(forward + "  return x\n");
    module.save(PathOf(name).string());
  }
  std::filesystem::path PathOf(const std::string& name) const { return folder_.path() / name; }

  static PhysicalPlan Plan(const std::string& file, std::vector<HintSpec> hints = {}) {
    engine::StepSpec step;
    step.op = "model";
    step.label = "map(small)";
    step.arguments = {{"x", "x"}};
    step.results = {{"y", "y"}};
    step.options = {{"source", file}, {"sha256", "1"}, {"threads", int64_t{0}}};
    step.hints = std::move(hints);
    step.outputs = {*testing::S({{"x", "f32[512]"}, {"y", "f32[512]"}})};
    PhysicalPlan plan;
    plan.flow = "f";
    plan.inputs = {{"rows", *testing::S({{"x", "f32[512]"}})}};
    plan.stages = {{.name = "small", .inputs = {{-1, 0}}, .steps = {step}}};
    plan.results = {{"", {0, 0}, {{"y", "y"}}}};
    return plan;
  }
  static Engine MakeEngine(engine::Tracer* tracer = nullptr) {
    engine::EngineOptions options;
    options.num_workers = 3;
    options.tracer = tracer;
    RegisterAll(options.factories);
    return Engine(std::move(options));
  }
  FlowHandle Deploy(Engine& engine, const PhysicalPlan& plan) {
    Result<FlowHandle> flow = engine.Deploy(plan, folder_.path());
    EXPECT_TRUE(flow.ok()) << flow.error().Text();
    return flow.ok() ? *std::move(flow) : nullptr;
  }
  std::string DeployError(Engine& engine, const PhysicalPlan& plan) {
    const Result<FlowHandle> flow = engine.Deploy(plan, folder_.path());
    if (flow.ok()) return {};
    return std::string(NameOf(flow.error().code)) + ": " + flow.error().Text();
  }

  Batch Rows(const FlowHandle& flow) const {
    return Batch(flow->input_schema(), {Column(input_)}, input_.size(0));
  }
  std::future<Result<Batch>> Submit(Engine& engine, const FlowHandle& flow,
                                    engine::RequestOptions options = {}) const {
    return engine.Submit(*flow, Rows(flow), std::move(options));
  }
  /// "right", "wrong", or what it ended with.
  std::string Judge(const Result<Batch>& answer, const std::string& file) const {
    if (!answer) return std::string(NameOf(answer.error().code)) + ": " + answer.error().Text();
    return at::equal(answer->column(0).dense(), StockAnswer(file)) ? "right" : "wrong";
  }
  /// Of LibTorch's own loaders.
  at::Tensor StockAnswer(const std::string& file) const {
    const c10::InferenceMode inference;
    if (!is_module_) {
      torch::inductor::AOTIModelPackageLoader loader(
          load::testing::Packaged("chain-inside.pt2").string());
      return loader.run({input_}).at(0);
    }
    const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
    torch::jit::Module module = torch::jit::load(PathOf(file).string());
    return module.forward({input_}).toTensor();
  }
  std::string Ask(Engine& engine, const FlowHandle& flow, const std::string& file) const {
    return Judge(engine.Run(*flow, Rows(flow)), file);
  }

  /// The classes in which chunks of a file were read, and how many bytes they had.
  std::vector<Urgency> ClassesOf(const std::string& file) {
    const std::lock_guard lock(mutex_);
    return classes_[file];
  }
  bool HasArrived(const std::string& file) {
    const std::lock_guard lock(mutex_);
    return num_bytes_[file] >= kNumBytes;
  }

  const bool is_module_ = std::string_view(GetParam()) == kModule;
  const std::string a_ = std::string("a") + GetParam();
  const std::string b_ = std::string("b") + GetParam();
  const std::string c_ = std::string("c") + GetParam();
  testing::TempFolder folder_;
  const at::Tensor input_ = at::randn({3, kWidth});
  load::testing::Turnstile turnstile_;
  std::atomic<bool> is_broken_ = false;  // the disk, where a.pt lies
  load::testing::FaultyScheduler scheduler_;
  const load::ProcessSchedulerInstead instead_{*scheduler_};

  std::mutex mutex_;
  std::map<std::string, std::vector<Urgency>> classes_;
  std::map<std::string, uint64_t> num_bytes_;
  const load::LoadListening listening_{[this](const std::string& file, const LoadEvent& event) {
    if (event.lane != Lane::kRetrieve) return;
    const std::lock_guard lock(mutex_);
    classes_[file].push_back(event.urgency);
    num_bytes_[file] += event.num_bytes;
  }};
};

// --- hints ---

TEST_P(ModelLoadTest, APriorityIsTheClassOfItsReads) {
  Engine engine = MakeEngine();
  turnstile_.Open();
  const std::pair<std::vector<HintSpec>, Urgency> kCases[] = {
      {{}, Urgency::kNear},
      {{Hint("priority", "low")}, Urgency::kBulk},
      {{Hint("priority", "normal")}, Urgency::kNear},
      {{Hint("priority", "high")}, Urgency::kNear}};
  for (const auto& [hints, expected] : kCases) {
    const FlowHandle flow = Deploy(engine, Plan(a_, hints));
    EXPECT_TRUE(Eventually([&] { return HasArrived(a_); }));
    EXPECT_THAT(ClassesOf(a_), Each(expected));
    engine.Undeploy(*flow).wait();
    const std::lock_guard lock(mutex_);
    classes_.clear();
    num_bytes_.clear();
  }
  EXPECT_EQ(DeployError(engine, Plan(a_, {Hint("priority", int64_t{3})})),
            "invalid argument: map(small): model small: the hint `load.priority` cannot be 3");
}

/// One read after another.
class ReadOrderTest : public ModelLoadTest {
 protected:
  ReadOrderTest() : ModelLoadTest(/*window=*/1) {}
};

TEST_P(ReadOrderTest, HighComesBeforeNormalAndNormalBeforeLow) {
  Engine engine = MakeEngine();
  Save(c_);
  const FlowHandle low = Deploy(engine, Plan(c_, {Hint("priority", "low")}));
  const FlowHandle normal = Deploy(engine, Plan(a_));
  const FlowHandle high = Deploy(engine, Plan(b_, {Hint("priority", "high")}));
  turnstile_.Open();
  EXPECT_TRUE(Eventually([&] { return HasArrived(c_); }));
  std::vector<std::string> files = turnstile_.files();
  EXPECT_EQ(files.front(), c_);  // was under way when the others came
  files.erase(std::unique(files.begin(), files.end()), files.end());
  EXPECT_THAT(files, ::testing::ElementsAre(c_, b_, a_, c_));
}

TEST_P(ModelLoadTest, TheMostUrgentOfThoseWhoShareAModelCounts) {
  Engine engine = MakeEngine();
  const FlowHandle low = Deploy(engine, Plan(a_, {Hint("priority", "low")}));
  EXPECT_EQ((*scheduler_).CountInFlight(), 2u);
  const FlowHandle normal = Deploy(engine, Plan(a_));
  EXPECT_EQ((*scheduler_).CountInFlight(), 5u);
}

// --- requests ---

TEST_P(ModelLoadTest, ARequestRaisesItsModelAndLeavesItLoading) {
  Engine engine = MakeEngine();
  const FlowHandle flow = Deploy(engine, Plan(a_, {Hint("priority", "low")}));
  EXPECT_EQ((*scheduler_).CountInFlight(), 2u);
  const auto cancel = std::make_shared<engine::CancelToken>();
  auto answer = Submit(engine, flow, {.deadline = {}, .cancel = cancel});
  EXPECT_TRUE(Eventually([&] { return (*scheduler_).CountInFlight() == 5; }));
  cancel->Cancel();
  EXPECT_EQ(answer.get().error().code, ErrorCode::kCancelled);

  turnstile_.Open();
  EXPECT_TRUE(Eventually([&] { return HasArrived(a_); }));
  const std::vector<Urgency> classes = ClassesOf(a_);
  EXPECT_EQ(std::count(classes.begin(), classes.end(), Urgency::kNear), 3);  // while it waited
  EXPECT_GE(std::count(classes.begin(), classes.end(), Urgency::kBulk), 2);
  EXPECT_EQ(Ask(engine, flow, a_), "right");
}

TEST_P(ModelLoadTest, ADeadlineEndsTheWaitingForWeights) {
  Engine engine = MakeEngine();
  const FlowHandle flow = Deploy(engine, Plan(a_));
  const auto deadline = std::chrono::steady_clock::now() + 20ms;
  EXPECT_EQ(Submit(engine, flow, {.deadline = deadline, .cancel = {}}).get().error().code,
            ErrorCode::kDeadlineExceeded);
  turnstile_.Open();
  EXPECT_EQ(Ask(engine, flow, a_), "right");
}

TEST_P(ModelLoadTest, UndeployingEndsTheLoad) {
  Engine engine = MakeEngine();
  int64_t files = 0;
  int64_t threads = 0;
  for (size_t i = 0; i < 20; ++i) {
    const FlowHandle flow = Deploy(engine, Plan(a_, {Hint("priority", "low")}));
    EXPECT_EQ(engine.Undeploy(*flow).wait_for(10s), std::future_status::ready);
    turnstile_.Let(2);  // which were in flight
    EXPECT_TRUE(Eventually([&] { return (*scheduler_).CountInFlight() == 0; }));
    EXPECT_EQ(turnstile_.CountOf(a_), 2 * (i + 1));
    EXPECT_TRUE(Eventually([&] { return ClassesOf(a_).size() == 2 * (i + 1); }));  // told last
    if (i > 0) continue;
    files = CountInProc("fd");
    threads = CountInProc("task");
  }
  EXPECT_TRUE(Eventually([&] { return CountInProc("fd") <= files; }));
  EXPECT_EQ(CountInProc("task"), threads);
}

TEST_P(ModelLoadTest, UndeployingLeavesThoseInFlightTheirLoad) {
  Engine engine = MakeEngine();
  const FlowHandle flow = Deploy(engine, Plan(a_));
  auto answer = Submit(engine, flow);
  EXPECT_EQ(answer.wait_for(20ms), std::future_status::timeout);
  std::future<void> gone = engine.Undeploy(*flow);
  EXPECT_EQ(gone.wait_for(20ms), std::future_status::timeout);
  turnstile_.Open();
  EXPECT_EQ(Judge(answer.get(), a_), "right");
  EXPECT_EQ(gone.wait_for(10s), std::future_status::ready);
}

// Whoever checks the inputs of compiled code must have seen the code that runs.
TEST_P(ModelLoadTest, AFileThatIsReplacedMeanwhileIsTheOneThatWasOpened) {
  Engine engine = MakeEngine();
  const std::string kept = "kept" + a_;
  std::filesystem::create_hard_link(PathOf(a_), PathOf(kept));
  if (!is_module_) {
    std::filesystem::copy_file(load::testing::Packaged("layers.pt2"), PathOf(b_),
                               std::filesystem::copy_options::overwrite_existing);
  }
  load::ProcessAdmission().SetGauge([&] {
    std::error_code was_done;
    std::filesystem::rename(PathOf(b_), PathOf(a_), was_done);
    return load::MemoryRoom();
  });
  const FlowHandle flow = Deploy(engine, Plan(a_));
  turnstile_.Open();
  EXPECT_EQ(Ask(engine, flow, kept), "right");
}

class EmbeddedPackageTest : public ModelLoadTest {
 protected:
  /// Where code is unpacked, and in which inodes.
  std::map<std::string, ino_t> CodeFiles() const {
    std::map<std::string, ino_t> inodes;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(PathOf("raceway"))) {
      struct stat info {};
      EXPECT_EQ(::stat(entry.path().c_str(), &info), 0);
      if (entry.path().extension() == ".so") inodes.emplace(entry.path(), info.st_ino);
    }
    return inodes;
  }
};

TEST_P(EmbeddedPackageTest, ItsCodeIsUnpackedOnce) {
  Engine engine = MakeEngine();
  std::filesystem::copy_file(load::testing::Packaged("chain-inside.pt2"), PathOf(c_));
  std::map<std::string, ino_t> first;
  for (int i = 0; i < 3; ++i) {
    const FlowHandle flow = Deploy(engine, Plan(c_));
    EXPECT_EQ(Ask(engine, flow, c_), "right");
    engine.Undeploy(*flow).wait();
    if (i == 0) first = CodeFiles();
    EXPECT_EQ(CodeFiles(), first);
  }
  EXPECT_EQ(first.size(), 1u);
}

/// Holds up the first load, where it asks for memory.
class ModelSharingTest : public ModelLoadTest {
 protected:
  ModelSharingTest() {
    load::ProcessAdmission().SetGauge([this] {
      if (num_loads_++ == 0) go_on_.get_future().wait();
      return load::MemoryRoom();
    });
    turnstile_.Open();
  }

  std::future<FlowHandle> StartToDeploy(Engine& engine, const std::string& file) {
    return std::async(std::launch::async,
                      [this, &engine, file] { return Deploy(engine, Plan(file)); });
  }

  std::atomic<int> num_loads_ = 0;
  std::promise<void> go_on_;
};

TEST_P(ModelSharingTest, DifferentModelsAreLoadedSideBySide) {
  Engine engine = MakeEngine();
  std::future<FlowHandle> slow = StartToDeploy(engine, a_);
  EXPECT_TRUE(Eventually([&] { return num_loads_ == 1; }));
  std::future<FlowHandle> other = StartToDeploy(engine, b_);
  EXPECT_EQ(other.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(slow.wait_for(0s), std::future_status::timeout);
  go_on_.set_value();
  EXPECT_EQ(Ask(engine, other.get(), b_), "right");
  EXPECT_EQ(Ask(engine, slow.get(), a_), "right");
}

TEST_P(ModelSharingTest, WhoeverWantsAModelThatIsBeingLoadedSharesIt) {
  Engine engine = MakeEngine();
  std::vector<std::future<FlowHandle>> flows;
  for (int i = 0; i < 3; ++i) flows.push_back(StartToDeploy(engine, a_));
  EXPECT_TRUE(Eventually([&] { return num_loads_ == 1; }));
  for (auto& flow : flows) EXPECT_EQ(flow.wait_for(10ms), std::future_status::timeout);
  go_on_.set_value();
  std::vector<FlowHandle> handles;
  for (auto& flow : flows) handles.push_back(flow.get());
  for (const FlowHandle& handle : handles) EXPECT_EQ(Ask(engine, handle, a_), "right");
  EXPECT_EQ(num_loads_, 1);
}

// --- faults ---

/// What the request to `a_` must end with; `b_` goes on, and the next deployment of `a_`.
class BrokenModelTest : public ModelLoadTest {
 protected:
  /// `damage` comes when the models are deployed, and before anything is read.
  void Check(const std::function<void()>& damage, const std::function<void()>& repair,
             const std::string& what) {
    Engine engine = MakeEngine();
    const FlowHandle b = Deploy(engine, Plan(b_));
    const FlowHandle a = Deploy(engine, Plan(a_));
    damage();
    turnstile_.Open();
    const std::string named = "model small: " + PathOf(a_).string() + ": ";
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(Ask(engine, a, b_),
                  AllOf(::testing::StartsWith("failed: "), HasSubstr(named), HasSubstr(what)));
      EXPECT_EQ(Ask(engine, b, b_), "right");
    }
    repair();
    const FlowHandle again = Deploy(engine, Plan(a_));
    EXPECT_EQ(Ask(engine, again, a_), "right");
  }
};

TEST_P(BrokenModelTest, AFlippedByteIsFoundAndNamed) {
  const auto flip = [this] { FlipBit(PathOf(a_), kNumBytes * 5 / 16); };
  flip();
  Check([] {}, flip, "checksum is ");
}

TEST_P(BrokenModelTest, ADiskThatFailsIsNamed) {
  Check([this] { is_broken_ = true; }, [this] { is_broken_ = false; }, "bytes ");
}

TEST_P(BrokenModelTest, AFileThatIsTruncatedIsNamed) {
  Check([this] { std::filesystem::resize_file(PathOf(a_), kNumBytes / 2); }, [this] { Save(a_); },
        "was changed while it was being read");
}

// --- memory ---

class ModelMemoryTest : public ModelLoadTest {};

TEST_P(ModelMemoryTest, AModelThatDoesNotFitIsRefusedByName) {
  Engine engine = MakeEngine();
  load::ProcessAdmission().SetGauge([] { return load::MemoryRoom{3'100'000, "in this test"}; });
  EXPECT_THAT(DeployError(engine, Plan(a_)),
              AllOf(HasSubstr("unavailable: "), HasSubstr("model file " + a_),
                    HasSubstr(": needs 8.4 MB of memory for its weights, 3.1 MB are available in "
                              "this test")));
  EXPECT_EQ(turnstile_.files().size(), 0u);
}

TEST_P(ModelMemoryTest, AHintSaysWhatAModelMayHold) {
  Engine engine = MakeEngine();
  EXPECT_THAT(DeployError(engine, Plan(a_, {Hint("memory", int64_t{4'000'000})})),
              AllOf(HasSubstr("model file " + a_),
                    HasSubstr(": needs 8.4 MB of memory for its weights, `load { memory }` allows "
                              "4.0 MB")));
  EXPECT_EQ(turnstile_.files().size(), 0u);
  turnstile_.Open();
  const FlowHandle flow = Deploy(engine, Plan(a_, {Hint("memory", int64_t{9'000'000})}));
  EXPECT_EQ(Ask(engine, flow, a_), "right");
}

class StreamedModelTest : public ModelLoadTest {};

TEST_P(StreamedModelTest, AModelThatIsStreamedNeedsAWindow) {
  Engine engine = MakeEngine();
  turnstile_.Open();
  load::ProcessAdmission().SetGauge([] { return load::MemoryRoom{5'000'000, "in this test"}; });
  EXPECT_THAT(DeployError(engine, Plan(a_)), HasSubstr("needs 8.4 MB"));
  const FlowHandle flow =
      Deploy(engine, Plan(a_, {Hint("memory", int64_t{4'000'000}), Hint("stream", true)}));
  EXPECT_EQ(Ask(engine, flow, a_), "right");
  const size_t num_reads = turnstile_.CountOf(a_);
  EXPECT_EQ(Ask(engine, flow, a_), "right");
  EXPECT_GT(turnstile_.CountOf(a_), num_reads);  // again what had gone
}

TEST_P(ModelMemoryTest, AModelThatIsArrivingHasItsRoom) {
  Engine engine = MakeEngine();
  load::ProcessAdmission().SetGauge([] { return load::MemoryRoom{12'000'000, "in this test"}; });
  const FlowHandle a = Deploy(engine, Plan(a_));
  EXPECT_THAT(DeployError(engine, Plan(b_)), HasSubstr("of which other models will take 8.4 MB"));
  engine.Undeploy(*a).wait();  // and what it wanted is free
  const FlowHandle b = Deploy(engine, Plan(b_));
  EXPECT_NE(DeployError(engine, Plan(a_)), "");
  turnstile_.Open();
  EXPECT_EQ(Ask(engine, b, b_), "right");
  EXPECT_TRUE(Eventually([&] { return HasArrived(b_); }));
  // The system knows of the first; of one whose pages are the cache's, once it was called often.
  for (int call = 0; call < 10; ++call) EXPECT_EQ(Ask(engine, b, b_), "right");
  EXPECT_TRUE(Eventually([&] { return DeployError(engine, Plan(a_)).empty(); }));
}

// --- trace ---

TEST_P(ModelLoadTest, ATraceShowsWhatIsLoaded) {
  engine::Tracer tracer;
  {
    Engine engine = MakeEngine(&tracer);
    const FlowHandle flow = Deploy(engine, Plan(a_));
    auto answer = Submit(engine, flow);
    EXPECT_EQ(answer.wait_for(20ms), std::future_status::timeout);
    turnstile_.Open();
    EXPECT_EQ(Judge(answer.get(), a_), "right");
  }
  const std::string json = tracer.ToChromeJson();
  for (const char* lane : {"retrieve ", "verify ", "wait "}) {
    EXPECT_THAT(json, HasSubstr("\"name\":\"" + (lane + a_) + "\",\"cat\":\"load\"")) << lane;
  }
  EXPECT_THAT(json, HasSubstr("\"class\":\"urgent\""));
}

std::string KindOf(const ::testing::TestParamInfo<const char*>& info) {
  const std::string_view ending = info.param;
  return ending == kModule ? "Module" : ending == kPackage ? "Package" : "BlobPackage";
}
const auto kAllKinds = ::testing::Values(kModule, kPackage, kBlobPackage);
INSTANTIATE_TEST_SUITE_P(Of, ModelLoadTest, kAllKinds, &KindOf);
INSTANTIATE_TEST_SUITE_P(Of, ReadOrderTest, kAllKinds, &KindOf);
INSTANTIATE_TEST_SUITE_P(Of, EmbeddedPackageTest, ::testing::Values(kPackage), &KindOf);
INSTANTIATE_TEST_SUITE_P(Of, ModelSharingTest, kAllKinds, &KindOf);
INSTANTIATE_TEST_SUITE_P(Of, BrokenModelTest, kAllKinds, &KindOf);
INSTANTIATE_TEST_SUITE_P(Of, ModelMemoryTest, kAllKinds, &KindOf);
INSTANTIATE_TEST_SUITE_P(Of, StreamedModelTest, ::testing::Values(kModule), &KindOf);

}  // namespace
}  // namespace raceway::operators
