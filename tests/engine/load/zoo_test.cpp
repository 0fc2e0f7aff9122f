// Models that people have, and what a model may do with a weight: each answers as LibTorch's own
// loader has it, on guarded memory, where whoever does not wait for a weight crashes.
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "engine/load/torchscript_structure.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_models.h"
#include "tests/support/interface_module.h"

namespace raceway::engine::load {
namespace {

using testing::Answer;
using testing::Archived;
using testing::CallModel;
using testing::Faults;
using testing::FaultyScheduler;
using testing::HeldBy;
using testing::Inputs;
using testing::IsSame;
using testing::kLayerWidth;
using testing::LoadModel;
using testing::SaveModel;
using testing::StockAnswer;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

/// What calls one after the other answer, of a model that may remember.
std::vector<c10::IValue> Answers(const std::function<c10::IValue(Inputs)>& call,
                                 const Inputs& inputs) {
  return {call(inputs), call(inputs), call(inputs)};
}

std::vector<c10::IValue> StockAnswers(const std::filesystem::path& path, const Inputs& inputs) {
  torch::jit::Module module = torch::jit::load(path.string());
  module.eval();
  return Answers([&](const Inputs& in) { return CallModel(module, in); }, inputs);
}

void ExpectTheSameAnswers(const std::filesystem::path& path, const Inputs& inputs,
                          const Faults& faults, MemoryMode memory = MemoryMode::kKeep) {
  const std::vector<c10::IValue> expected = StockAnswers(path, inputs);
  FaultyScheduler scheduler(faults);
  LoadOptions options{.guarded = true};
  options.plan.chunk_bytes = 64 << 10;
  const auto streamed = LoadModel(*scheduler, path, options, memory);
  const std::vector<c10::IValue> answers =
      Answers([&](const Inputs& in) { return Answer(*streamed, in); }, inputs);
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_TRUE(IsSame(answers[i], expected[i])) << path << ", call " << i;
  }
  EXPECT_TRUE(streamed->WaitAll().ok());
}

Faults Late(uint64_t seed) { return {.seed = seed, .short_reads = 20, .delay = 300us}; }

/// So late that each weight is waited for.
Faults VeryLate() {
  return {.intercept = [](const ReadRequest&) {
    std::this_thread::sleep_for(5ms);
    return std::nullopt;
  }};
}

TEST(ZooTest, ModelsOfTheExamples) {
  for (const auto& [path, inputs] : testing::ModelsOfTheExamples()) {
    ExpectTheSameAnswers(path, inputs, Late(6));
  }
}

// Its two networks are chosen by the sample rate; it remembers what it heard.
TEST(ZooTest, SileroVadAsItIsShipped) {
  const std::filesystem::path model = testing::SileroVad();
  ASSERT_FALSE(model.empty());
  ExpectTheSameAnswers(model, {at::randn({2, 512}), int64_t{16000}}, Late(1));
  ExpectTheSameAnswers(model, {at::randn({2, 256}), int64_t{8000}}, Late(2));
}

TEST(ZooTest, ModelsOfAllKinds) {
  const Inputs words = {at::randint(50, {4, 7})};
  const Inputs rows = {at::randn({5, kLayerWidth})};
  const std::map<std::string, Inputs> models = {
    {"tied.pt", words},
    {"frozen.pt", words},
    {"traced.pt", {at::randn({1, 3, 8, 8})}},
    {"quantized.pt", rows},
    {"remembering.pt", rows},
#if !defined(__SANITIZE_THREAD__)  // LibTorch's inter-op threads and locks are not instrumented
    {"forking.pt", rows},
#endif
  };
  for (const auto& [name, inputs] : models) {
    for (uint64_t seed = 1; seed <= 3; ++seed)
      ExpectTheSameAnswers(Archived(name), inputs, Late(seed));
  }
}

/// Ways to use a weight `w0`, f32[64, 64], beside those of a kernel.
const char* const kUses[] = {
    "x * float(self.w0[2, 3])",
    "x * int(self.w0[2, 3] * 100)",
    "(x if bool(self.w0[4, 5] > 0) else -x)",
    "(x if self.w0[4, 5] > 0 else -x)",
    "x * self.w0.sum().item()",
    "x * len(\"{}\".format(self.w0[0]))",
    "x * len(str(self.w0[1]))",
    "x * [self.w0[0, 0], self.w0[0, 1]].index(self.w0[0, 1])",
    "x * [self.w0[0, 0], self.w0[0, 1]].count(self.w0[0, 0])",
    "x @ torch.stack([row for row in self.w0])",
    "x @ self.w0[self.w1.argsort(1)[0]]",
    "x[:, self.w0[0] > 0]",
    "torch.cat([x, self.w0.clone()])",
    "x @ self.w0.detach().contiguous()",
    "x @ self.w0.to(7).to(6)",
    "x @ self.w0.reshape(4096).view(64, 64).t()",
    "self.w0.expand(2, 64, 64) @ x.t()",
    "torch.einsum(\"ij,kj->ki\", [self.w0, x])",
    "torch.where(self.w0[0] > 0, x, -x)",
    "torch.linalg_norm(self.w0) * x",
    "x.masked_fill(self.w0[:5] > 0, 7.)",
    "x.index_add(0, torch.tensor([0, 1]), self.w0[:2])",
    "torch.zeros([64, 64]).copy_(self.w0)",
    "torch.zeros([64, 64]).set_(self.w0) @ x.t()",
    "torch.dropout(self.w0, 0.5, False) @ x.t()",
    "x + {\"a\": self.w0}[\"a\"][0]",
};

class UsesTest : public ::testing::TestWithParam<const char*> {};

TEST_P(UsesTest, WaitForTheWeight) {
  const TemporaryFolder folder;
  const std::filesystem::path path =
      SaveModel(folder, "def forward(self, x):\n  return " + std::string(GetParam()) + "\n", 2);
  ExpectTheSameAnswers(path, {at::randn({5, kLayerWidth})}, VeryLate());
}

INSTANTIATE_TEST_SUITE_P(Of, UsesTest, ::testing::ValuesIn(kUses),
                         [](const auto& info) { return "Use" + std::to_string(info.index); });

// A way to memory that is no operator.
TEST(ZooTest, AListOfAWeightWaitsForIt) {
  const TemporaryFolder folder;
  const std::filesystem::path path = SaveModel(folder,
                                               "def forward(self, x):\n"
                                               "  y : List[List[float]] = self.w0.tolist()\n"
                                               "  return x * y[0][1]\n");
  ExpectTheSameAnswers(path, {at::randn({5, kLayerWidth})}, VeryLate());
}

// Another one.
TEST(ZooTest, AFileOfAWeightWaitsForIt) {
  const TemporaryFolder folder;
  const std::string saved = (folder / "saved").string();
  const std::filesystem::path path = SaveModel(
      folder, "def forward(self, x):\n  torch.save(self.w0, \"" + saved + "\")\n  return x\n");
  FaultyScheduler scheduler(VeryLate());
  Answer(*LoadModel(*scheduler, path, {.guarded = true}), {at::randn({5, kLayerWidth})});
  const std::string bytes = testing::BytesOf(saved);
  StockAnswer(path, {at::randn({5, kLayerWidth})});
  EXPECT_EQ(bytes, testing::BytesOf(saved));
}

/// A module that makes a list of its weight, which no operator does.
torch::jit::Module Listing() {
  torch::jit::Module module("Listing");
  module.register_parameter("w0", at::randn({kLayerWidth, kLayerWidth}), false);
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(
      "def forward(self, x):\n"
      "  y : List[List[float]] = self.w0.tolist()\n"
      "  return x * y[0][1]\n");
  return module;
}

TEST(ZooTest, ModelsBehindInterfaces) {
  const TemporaryFolder folder;
  const torch::jit::Module forking = torch::jit::load(Archived("forking.pt").string());
  for (const torch::jit::Module& part : {forking, Listing()}) {
    tests::BehindInterface(part).save((folder / "m.pt").string());
    for (const MemoryMode memory : {MemoryMode::kKeep, MemoryMode::kStream}) {
      ExpectTheSameAnswers(folder / "m.pt", {at::randn({5, kLayerWidth})}, VeryLate(), memory);
    }
  }
}

// Where its module is known, a call through an interface is like any other.
TEST(ZooTest, AnInterfaceIsLookedThrough) {
  const TemporaryFolder folder;
  torch::jit::Module part("Implementation");
  part.register_parameter("w0", at::randn({kLayerWidth, kLayerWidth}), false);
  part.register_attribute("training", c10::BoolType::get(), false);
  part.define("def forward(self, x):\n  return x @ self.w0\n");
  tests::BehindInterface(part).save((folder / "m.pt").string());
  ExpectTheSameAnswers(folder / "m.pt", {at::randn({5, kLayerWidth})}, VeryLate());
  EXPECT_FALSE(ReadsUnseen(torch::jit::load((folder / "m.pt").string())));
}

// Whoever loads may have LibTorch's optimiser off, which is who puts calls within calls in place.
TEST(ZooTest, CallsWithinCallsAreLookedThrough) {
  const TemporaryFolder folder;
  torch::jit::Module inner("Inner");
  inner.register_parameter("w", at::randn({kLayerWidth, kLayerWidth}), false);
  inner.define("def forward(self, x):\n  return x @ self.w\n");
  torch::jit::Module middle("Middle");
  middle.register_module("inner", inner);
  middle.define("def forward(self, x):\n  return self.inner.forward(x) + 1.\n");
  torch::jit::Module outer("Outer");
  outer.register_module("middle", middle);
  outer.define("def forward(self, x):\n  return self.middle.forward(x) * 2.\n");
  outer.save((folder / "m.pt").string());
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  EXPECT_FALSE(ReadsUnseen(torch::jit::load((folder / "m.pt").string())));
}

// Blocks of 4 KiB have bytes of two weights: what is read later must not bring back what a model
// has written over.
TEST(ZooTest, ModelsThatWriteIntoTheirWeights) {
  const TemporaryFolder folder;
  const std::filesystem::path path = SaveModel(folder,
                                               "def forward(self, x):\n"
                                               "  self.w1.mul_(0.5)\n"
                                               "  self.w0[3].add_(x[0])\n"
                                               "  x = x @ self.w0 @ self.w1 @ self.w2\n"
                                               "  self.w2.copy_(self.w3)\n"
                                               "  return x\n");
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ExpectTheSameAnswers(path, {at::randn({5, kLayerWidth})}, Late(seed));
  }
}

int64_t CountConstants(const torch::jit::Block& block) {
  int64_t count = 0;
  for (const torch::jit::Node* node : block.nodes()) {
    const bool is_constant = node->kind() == c10::prim::Constant &&
                             node->output()->type()->isSubtypeOf(*c10::TensorType::get());
    count += is_constant ? 1 : 0;
    for (const torch::jit::Block* inner : node->blocks()) count += CountConstants(*inner);
  }
  return count;
}

int64_t CountConstants(const torch::jit::Module& module) {
  const std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  return CountConstants(*graph->block());
}

// LibTorch pools constants by value, and would merge those that are all empty.
TEST(ZooTest, FrozenModelsKeepTheirConstants) {
  const TemporaryFolder folder;
  const std::filesystem::path path = testing::SaveLayers(folder, 30);
  torch::jit::Module module = torch::jit::load(path.string());
  module.eval();
  torch::jit::freeze(module).save((folder / "frozen.pt").string());
  const int64_t expected = CountConstants(torch::jit::load((folder / "frozen.pt").string()));
  EXPECT_EQ(expected, 30);
  testing::Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = LoadModel(*scheduler, folder / "frozen.pt", {.guarded = true});
  EXPECT_EQ(CountConstants(streamed->module()), expected);
  barrier.Open();
}

std::vector<at::Tensor> TensorsOf(const torch::jit::Module& module) {
  std::vector<at::Tensor> tensors;
  c10::IValue(module._ivalue()).visit([&](const c10::IValue& value) {
    if (value.isTensor()) tensors.push_back(value.toTensor());
    return false;
  });
  return tensors;
}

/// Which tensors share memory, and where each begins in it.
std::vector<std::pair<size_t, int64_t>> PlacesOf(const torch::jit::Module& module) {
  std::map<const void*, size_t> storages;
  std::vector<std::pair<size_t, int64_t>> places;
  for (const at::Tensor& tensor : TensorsOf(module)) {
    const void* storage = tensor.storage().unsafeGetStorageImpl();
    const size_t number = storages.try_emplace(storage, storages.size()).first->second;
    places.emplace_back(number, tensor.storage_offset());
  }
  return places;
}

/// Which bytes of its file were read.
class Reads {
 public:
  Faults Late() {
    return {.seed = 1, .delay = 1ms, .intercept = [this](const ReadRequest& request) {
              const std::lock_guard lock(mutex_);
              places_.emplace_back(request.offset, request.offset + request.num_bytes);
              return std::nullopt;
            }};
  }
  /// Whether no byte was read twice.
  bool AreApart() {
    const std::lock_guard lock(mutex_);
    std::sort(places_.begin(), places_.end());
    const auto overlaps = [](const auto& a, const auto& b) { return a.second > b.first; };
    return std::adjacent_find(places_.begin(), places_.end(), overlaps) == places_.end();
  }
  bool is_empty() {
    const std::lock_guard lock(mutex_);
    return places_.empty();
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<uint64_t, uint64_t>> places_;
};

TEST(ZooTest, AWeightOfTwoListsIsReadOnceAndWrittenForBoth) {
  const TemporaryFolder folder;
  const at::Tensor tied = at::randn({kLayerWidth, kLayerWidth});
  const at::Tensor other = at::randn({kLayerWidth, kLayerWidth});
  torch::jit::Module module("m");
  module.register_attribute("a", c10::ListType::ofTensors(), c10::List<at::Tensor>({tied, other}));
  module.register_attribute("b", c10::ListType::ofTensors(),
                            c10::List<at::Tensor>({other.t(), tied[3], tied}));
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(
      "def forward(self, x):\n"
      "  self.a[0].mul_(0.5)\n"
      "  x = x @ self.b[2] + self.b[1]\n"
      "  self.b[1].add_(1.)\n"
      "  return x @ self.a[0] @ self.b[0]\n");
  module.save((folder / "m.pt").string());
  Reads reads;
  ExpectTheSameAnswers(folder / "m.pt", {at::randn({5, kLayerWidth})}, reads.Late());
  EXPECT_FALSE(reads.is_empty());
  EXPECT_TRUE(reads.AreApart());
}

TEST(ZooTest, WhatIsOneInTheFileIsOneInMemory) {
  FaultyScheduler scheduler({});
  const auto streamed = LoadModel(*scheduler, Archived("tied.pt"), {});
  const auto places = PlacesOf(streamed->module());
  EXPECT_GT(places.size(), 8U);
  EXPECT_EQ(places, PlacesOf(torch::jit::load(Archived("tied.pt").string())));
  ASSERT_TRUE(streamed->WaitAll().ok());
  EXPECT_EQ(places, PlacesOf(streamed->module()));
}

}  // namespace
}  // namespace raceway::engine::load
