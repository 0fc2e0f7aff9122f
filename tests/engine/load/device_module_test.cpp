// Modules on a device while their weights are on their way there: on one that is made of threads,
// and on a GPU where there is one.
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>

#include "engine/load/torch_library.h"
#include "engine/load/weight_cast.h"
#include "tests/engine/load/fake_device.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::Barrier;
using testing::BytesOf;
using testing::CallModel;
using testing::Eventually;
using testing::ExtentOf;
using testing::FakeDevice;
using testing::FakePinnedMemory;
using testing::FaultyScheduler;
using testing::FlipBit;
using ::testing::HasSubstr;
using testing::HeldBy;
using testing::kLayerWidth;
using testing::PausedDevice;
using testing::SaveLayers;
using testing::SaveModel;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

/// Why there is no GPU here; empty if there is one.
std::string FindOutWhyNoGpu() {
  if (const Status opened = OpenTorchLibrary("libtorch_cuda.so"); !opened) {
    return opened.error().message;
  }
  return at::detail::getCUDAHooks().deviceCount() > 0 ? "" : "LibTorch finds none";
}

const std::string& WhyNoGpu() {
  static const std::string kWhy = FindOutWhyNoGpu();
  return kWhy;
}

/// Before any test: who first asks LibTorch for CUDA decides for the process whether there is any.
class LooksForGpu final : public ::testing::Environment {
 public:
  void SetUp() override { WhyNoGpu(); }
};
[[maybe_unused]] const auto* const kLooksForGpu =
    ::testing::AddGlobalTestEnvironment(new LooksForGpu());

/// All tensors of a module, those in lists and other objects as well, always in the same order.
std::vector<at::Tensor> TensorsOf(const torch::jit::Module& module) {
  std::vector<at::Tensor> tensors;
  c10::IValue(module._ivalue()).visit([&](const c10::IValue& value) {
    if (value.isTensor()) tensors.push_back(value.toTensor());
    return value.isTensor();
  });
  return tensors;
}

bool ShareStorage(const at::Tensor& a, const at::Tensor& b) { return a.is_alias_of(b); }

/// Bit by bit, wherever they are.
bool IsSame(const at::Tensor& a, const at::Tensor& b) {
  return testing::IsSame(c10::IValue(a.cpu()), c10::IValue(b.cpu()));
}

class DeviceModuleTest : public ::testing::TestWithParam<c10::Device> {
 protected:
  void SetUp() override {
    if (GetParam().is_cuda() && !WhyNoGpu().empty()) GTEST_SKIP() << "no GPU: " << WhyNoGpu();
  }

  StreamedOptions Options() const {
    StreamedOptions options{.device = GetParam()};
    options.load.plan.chunk_bytes = 8192;
    return options;
  }

  static Result<std::shared_ptr<StreamedModule>> TryLoad(FaultyScheduler& scheduler,
                                                         const std::filesystem::path& path,
                                                         StreamedOptions options) {
    const c10::InferenceMode inference;
    Result<std::shared_ptr<StreamedModule>> streamed =
        StreamedModule::Load(*scheduler, path, std::move(options));
    if (!streamed) return streamed;
    torch::jit::Module module = (*streamed)->module();  // a handle
    module.eval();
    return streamed;
  }
  static std::shared_ptr<StreamedModule> Load(FaultyScheduler& scheduler,
                                              const std::filesystem::path& path,
                                              StreamedOptions options) {
    Result<std::shared_ptr<StreamedModule>> streamed = TryLoad(scheduler, path, std::move(options));
    if (!streamed) throw std::runtime_error(streamed.error().Text());
    return *streamed;
  }
  std::string ErrorOf(const std::filesystem::path& path, StreamedOptions options) const {
    FaultyScheduler scheduler({});
    const auto streamed = TryLoad(scheduler, path, std::move(options));
    if (streamed) return {};
    return std::string(NameOf(streamed.error().code)) + ": " + streamed.error().Text();
  }

  /// What LibTorch's own loader has there.
  static torch::jit::Module Stock(const std::filesystem::path& path, c10::Device device) {
    const c10::InferenceMode inference;
    torch::jit::Module module = torch::jit::load(path.string(), device);
    module.eval();
    return module;
  }
  static at::Tensor StockAnswer(const std::filesystem::path& path, const at::Tensor& input) {
    return CallModel(Stock(path, input.device()), {input}).toTensor();
  }
  static at::Tensor Answer(StreamedModule& streamed, const at::Tensor& input) {
    return testing::Answer(streamed, {input}).toTensor();
  }
  static std::string Verdict(StreamedModule& streamed, const at::Tensor& input,
                             const at::Tensor& expected) {
    const Result<c10::IValue> answer = testing::TryAnswer(streamed, {input});
    if (!answer) return std::string(NameOf(answer.error().code)) + ": " + answer.error().Text();
    return IsSame(answer->toTensor(), expected) ? "right" : "wrong";
  }

  at::Tensor OnDevice(const at::Tensor& tensor) const { return tensor.to(GetParam()); }

  TemporaryFolder folder_;
  const at::Tensor rows_ = at::randn({5, kLayerWidth});
};

/// What may be done with weights `w0` to `w3`, f32[64, 64].
const char* const kForwards[] = {
    "  for i in range(2):\n"
    "    x = torch.relu(x @ self.w0) @ self.w1 + x @ self.w2.t()\n"
    "  return torch.cat([x, self.w3]).view(-1)[2:]\n",
    "  if bool(self.w0[0, 0] > 0):\n    x = x @ self.w1\n  else:\n    x = x - self.w1[:5]\n"
    "  i = 0\n"
    "  while i < int(self.w2.argmax()) % 3 + 1:\n    x = x.tanh() @ self.w3\n    i += 1\n"
    "  return x\n",
    "  return x * float(self.w0[2, 3]) + self.w1.sum().item()\n",
    "  return torch.ones([64], device=torch.device(\"cpu\")) + (x @ self.w0).cpu() + "
    "self.w1.cpu()[0]\n",
    "  return torch.zeros([64, 64]).copy_(self.w2)\n",
    "  return torch.ones([64], device=x.device) * self.w3[1] + "
    "self.w0.to(7).to(x.device)[0].to(6)\n",
    "  self.w1.add_(1.5)\n  return x @ self.w1.view(4096)[64:4096].view(63, 64).t()\n",
    "  return self.w2.t()[1:]\n",
};

TEST_P(DeviceModuleTest, AnswersAsTheStockLoaderDoes) {
  std::vector<std::pair<std::filesystem::path, at::Tensor>> models = {
      {Archived("tied.pt"), at::randint(50, {4, 7})},
      {Archived("frozen.pt"), at::randint(50, {4, 7})},
      {Archived("traced.pt"), at::randn({1, 3, 8, 8})},
      {Archived("traced_layers.pt"), at::randn({1, 3, 8, 8})},
      {Archived("remembering.pt"), rows_},
      {Archived("forking.pt"), rows_}};
  for (const char* const forward : kForwards) {
    const std::filesystem::path saved =
        SaveModel(folder_, std::string("def forward(self, x):\n") + forward);
    const std::filesystem::path path = folder_ / (std::to_string(models.size()) + ".pt");
    std::filesystem::rename(saved, path);
    models.emplace_back(path, rows_);
  }
  for (const auto& [path, input] : models) {
    const at::Tensor expected = StockAnswer(path, OnDevice(input));
    if (GetParam() == FakeDevice()) {
      ASSERT_TRUE(IsSame(expected, StockAnswer(path, input))) << path;
    }
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      const c10::impl::VirtualGuardImpl device(GetParam().type());
      const c10::StreamGuard stream(seed % 2 == 0 ? device.getStreamFromGlobalPool(GetParam())
                                                  : device.getDefaultStream(GetParam()));
      FaultyScheduler scheduler({.seed = seed, .short_reads = 20, .delay = 500us});
      const auto streamed = Load(scheduler, path, Options());
      const at::Tensor answer = Answer(*streamed, OnDevice(input));
      EXPECT_EQ(answer.device(), expected.device()) << path;
      EXPECT_TRUE(IsSame(answer, expected)) << path << ", seed " << seed;
      EXPECT_TRUE(streamed->WaitAll().ok());
      EXPECT_TRUE(streamed->is_complete());
      EXPECT_EQ(Answer(*streamed, OnDevice(input)).sizes(), expected.sizes());
    }
  }
}

TEST_P(DeviceModuleTest, TensorsAreThoseOfTheStockLoader) {
  for (const char* const name : {"tied.pt", "traced.pt", "remembering.pt", "forking.pt"}) {
    const std::vector<at::Tensor> expected = TensorsOf(Stock(Archived(name), GetParam()));
    FaultyScheduler scheduler({.delay = 300us});
    const auto streamed = Load(scheduler, Archived(name), Options());
    const std::vector<at::Tensor> tensors = TensorsOf(streamed->module());
    ASSERT_TRUE(streamed->WaitAll().ok());
    ASSERT_EQ(tensors.size(), expected.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ(tensors[i].device(), expected[i].device()) << name;
      EXPECT_EQ(tensors[i].strides(), expected[i].strides()) << name;
      EXPECT_TRUE(IsSame(tensors[i], expected[i])) << name << ", tensor " << i;
      for (size_t j = 0; j < i; ++j) {
        EXPECT_EQ(ShareStorage(tensors[i], tensors[j]), ShareStorage(expected[i], expected[j]))
            << name << ", tensors " << j << " and " << i;
      }
    }
  }
}

TEST_P(DeviceModuleTest, WeightsAreThereFromTheStart) {
  const std::filesystem::path path = SaveLayers(folder_, 20);
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = Load(scheduler, path, Options());
  EXPECT_EQ(streamed->job().CountPending(), 20);
  for (const at::Tensor& weight : TensorsOf(streamed->module())) {
    EXPECT_EQ(weight.device(), GetParam());
  }
  barrier.Open();
  EXPECT_TRUE(IsSame(Answer(*streamed, OnDevice(rows_)), StockAnswer(path, OnDevice(rows_))));
}

// `torch::jit::load` takes the device that it is given, not the one in the file.
TEST_P(DeviceModuleTest, TheDeviceInTheFileDoesNotCount) {
  const std::filesystem::path path = SaveLayers(folder_, 3);
  const std::filesystem::path saved = folder_ / "saved.pt";
  Stock(path, GetParam()).save(saved.string());
  ASSERT_NE(BytesOf(saved).find(GetParam().str()), std::string::npos);
  for (const c10::Device device : {c10::Device(c10::kCPU), GetParam()}) {
    FaultyScheduler scheduler({.delay = 300us});
    StreamedOptions options = Options();
    options.device = device;
    const auto streamed = Load(scheduler, saved, options);
    for (const at::Tensor& weight : TensorsOf(streamed->module())) {
      EXPECT_EQ(weight.device(), device);
    }
    EXPECT_TRUE(IsSame(Answer(*streamed, rows_.to(device)), StockAnswer(path, rows_.to(device))));
  }
}

TEST_P(DeviceModuleTest, CodeOfOneDeviceIsNotThatOfAnother) {
  const std::filesystem::path frozen = folder_ / "frozen.pt";
  torch::jit::Module module("m");
  module.register_parameter("w", at::randn({kLayerWidth}), false);  // small: of the code
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define("def forward(self, x):\n  return x * self.w\n");
  torch::jit::freeze(module).save(frozen.string());
  for (int round = 0; round < 2; ++round) {
    for (const c10::Device device : {c10::Device(c10::kCPU), GetParam()}) {
      FaultyScheduler scheduler({});
      StreamedOptions options = Options();
      options.device = device;
      const auto streamed = Load(scheduler, frozen, options);
      EXPECT_TRUE(
          IsSame(Answer(*streamed, rows_.to(device)), StockAnswer(frozen, rows_.to(device))));
    }
  }
}

TEST_P(DeviceModuleTest, AWrongChecksumEndsWhatReadsTheWeight) {
  const std::filesystem::path path =
      SaveModel(folder_,
                "def forward(self, x):\n  if x.size(0) > 1:\n    x = x @ self.w3\n"
                "  return x @ self.w0\n");
  const at::Tensor one = OnDevice(rows_.slice(0, 0, 1));
  const at::Tensor expected = StockAnswer(path, one);
  FlipBit(path, ExtentOf(path, "w3").offset + 100);
  FaultyScheduler scheduler({.delay = 300us});
  const auto streamed = Load(scheduler, path, Options());
  EXPECT_EQ(Verdict(*streamed, one, expected), "right");  // does without it
  EXPECT_THAT(Verdict(*streamed, OnDevice(rows_), expected),
              AllOf(StartsWith("failed: "), HasSubstr("checksum"), HasSubstr("record `data/")));
  EXPECT_FALSE(streamed->WaitAll().ok());
  EXPECT_FALSE(streamed->is_complete());
  EXPECT_TRUE(streamed->has_failed());
  EXPECT_EQ(Verdict(*streamed, one, expected), "right");
}

TEST_P(DeviceModuleTest, ALoadCanBeLeftAtAnyTime) {
  const std::filesystem::path path = SaveLayers(folder_, 20);
  const at::Tensor input = OnDevice(rows_);
  const at::Tensor expected = StockAnswer(path, input);
  std::mt19937_64 random(7);
  int num_cancelled = 0;
  for (int round = 0; round < 60; ++round) {
    FaultyScheduler scheduler({.seed = random(), .short_reads = 10, .delay = 300us});
    auto streamed = Load(scheduler, path, Options());
    const torch::jit::Module module = streamed->module();
    std::string verdict;
    std::jthread request([&, held = round % 3 == 0 ? streamed : nullptr] {
      if (held != nullptr) verdict = Verdict(*held, input, expected);
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
    if (round % 3 == 0) streamed->job().Cancel();
    const bool is_complete = round % 3 == 1 && streamed->WaitAll().ok();
    request.join();
    streamed.reset();
    if (round % 3 == 0 && verdict != "right") {
      ++num_cancelled;
      EXPECT_THAT(verdict, StartsWith("cancelled: "));
    }
    if (is_complete) {  // its tensors do not need the load
      EXPECT_TRUE(IsSame(CallModel(module, {input}).toTensor(), expected));
    }
  }
  EXPECT_GT(num_cancelled, 0);
  EXPECT_TRUE(Eventually([] { return FakePinnedMemory().num_bytes() == 0; }));
}

TEST_P(DeviceModuleTest, CastsWhenAllIsThere) {
  const c10::InferenceMode inference;
  for (const char* const name : {"tied.pt", "traced.pt", "frozen.pt"}) {
    torch::jit::Module expected = Stock(Archived(name), GetParam());
    CastWeights(expected, at::kBFloat16);
    FaultyScheduler scheduler({.delay = 300us});
    StreamedOptions options = Options();
    options.dtype = at::kBFloat16;
    const auto streamed = Load(scheduler, Archived(name), options);
    EXPECT_TRUE(streamed->is_complete());
    const std::vector<at::Tensor> tensors = TensorsOf(streamed->module());
    const std::vector<at::Tensor> others = TensorsOf(expected);
    ASSERT_EQ(tensors.size(), others.size());
    for (size_t i = 0; i < tensors.size(); ++i) EXPECT_TRUE(IsSame(tensors[i], others[i])) << name;
  }
}

TEST_P(DeviceModuleTest, SaysWhatItLeavesToOthers) {
  const std::filesystem::path path = SaveLayers(folder_, 3);
  for (const MemoryMode memory : {MemoryMode::kStream, MemoryMode::kShared}) {
    StreamedOptions options = Options();
    options.memory = memory;
    EXPECT_THAT(ErrorOf(path, options), StartsWith("invalid argument: weights on "));
  }
  EXPECT_THAT(ErrorOf(Archived("quantized.pt"), Options()),
              AllOf(StartsWith("unsupported: "), HasSubstr("quantised")));
  const std::filesystem::path packed = folder_ / "packed.pt";
  testing::WriteBytes(packed, testing::ZipOf(testing::MembersOf(path)));  // without gaps
  EXPECT_THAT(ErrorOf(packed, Options()), AllOf(StartsWith("unsupported: "), HasSubstr("64")));
}

TEST_P(DeviceModuleTest, ADeviceThatIsNotThereIsUnavailable) {
  StreamedOptions options = Options();
  options.device = c10::Device(c10::kXPU, 0);
  for (const std::filesystem::path& path : {SaveLayers(folder_, 3), Archived("remembering.pt")}) {
    EXPECT_THAT(ErrorOf(path, options), StartsWith("unavailable: xpu:0: "));
  }
}

TEST_P(DeviceModuleTest, TellsOfItsCopies) {
  const std::filesystem::path path = SaveLayers(folder_, 20);
  std::atomic<uint64_t> num_bytes = 0;
  StreamedOptions options = Options();
  options.load.on_event = [&](const LoadEvent& event) {
    if (event.lane == Lane::kCopy) num_bytes += event.num_bytes;
  };
  FaultyScheduler scheduler({});
  const auto streamed = Load(scheduler, path, options);
  ASSERT_TRUE(streamed->WaitAll().ok());
  EXPECT_GE(num_bytes, 20 * kLayerWidth * kLayerWidth * sizeof(float));
}

INSTANTIATE_TEST_SUITE_P(Fake, DeviceModuleTest, ::testing::Values(FakeDevice()));
INSTANTIATE_TEST_SUITE_P(Gpu, DeviceModuleTest, ::testing::Values(c10::Device(c10::kCUDA, 0)));

class FakeDeviceModuleTest : public DeviceModuleTest {};

// Operators are launched before their weights have landed: their stream waits, and nobody else.
TEST_P(FakeDeviceModuleTest, TheHostNeverWaitsForTheDevice) {
  const std::filesystem::path path = SaveLayers(folder_, 20);
  const at::Tensor input = OnDevice(rows_);
  const at::Tensor expected = StockAnswer(path, input);
  FaultyScheduler scheduler({.delay = 300us});
  std::shared_ptr<StreamedModule> streamed;
  at::Tensor answer;
  {
    const PausedDevice paused;
    streamed = Load(scheduler, path, Options());
    answer = Answer(*streamed, input);
    EXPECT_EQ(streamed->job().CountPending(), 0);
    EXPECT_FALSE(streamed->is_complete());
    EXPECT_GT(FakePinnedMemory().num_bytes(), 0);  // copies still read it
  }
  EXPECT_TRUE(IsSame(answer, expected));
  EXPECT_TRUE(IsSame(Answer(*streamed, input), expected));
  EXPECT_TRUE(streamed->is_complete());
  EXPECT_EQ(FakePinnedMemory().num_bytes(), 0);
}

INSTANTIATE_TEST_SUITE_P(Fake, FakeDeviceModuleTest, ::testing::Values(FakeDevice()));

}  // namespace
}  // namespace raceway::engine::load
