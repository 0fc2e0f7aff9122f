#include "engine/load/structure_cache.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/load/archive.h"
#include "engine/load/streamed_module.h"
#include "engine/load/torchscript_source.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/modules.h"

namespace raceway::engine::load {
namespace {

using testing::Answer;
using testing::Archived;
using testing::Faults;
using testing::FaultyScheduler;
using testing::kChain;
using testing::kWidth;
using testing::LoadStreamed;
using testing::StockAnswer;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

class StructureCacheTest : public ::testing::Test {
 protected:
  StructureCacheTest() { EXPECT_TRUE(InstallOperatorGate().ok()); }

  static std::optional<std::string> KeyOf(const std::filesystem::path& path) {
    const Result<Archive> archive = Archive::Open(path);
    const Result<WeightMap> weights = ReadTorchScript(*archive);
    return *StructureKey(*archive, *weights);
  }

  static bool ShareCode(const StreamedModule& a, const StreamedModule& b) {
    return a.module()._ivalue()->compilation_unit() == b.module()._ivalue()->compilation_unit();
  }

  TemporaryFolder folder_;
  const at::Tensor input_ = at::randn({5, kWidth});
  FaultyScheduler scheduler_{Faults{.delay = 300us}};
};

TEST_F(StructureCacheTest, TheSameCodeWithOtherWeightsIsCompiledOnce) {
  const std::filesystem::path a = SaveModule(folder_, kChain, 4, "a.pt");
  const std::filesystem::path b = SaveModule(folder_, kChain, 4, "b.pt");
  ASSERT_EQ(KeyOf(a), KeyOf(b));
  const auto first = LoadStreamed(scheduler_, a, {.load = {.guarded = true}});
  const auto second = LoadStreamed(scheduler_, b, {.load = {.guarded = true}});
  EXPECT_TRUE(ShareCode(*first, *second));
  EXPECT_TRUE(at::equal(Answer(*second, input_), StockAnswer(b, input_)));
  EXPECT_TRUE(at::equal(Answer(*first, input_), StockAnswer(a, input_)));
}

TEST_F(StructureCacheTest, OtherCodeIsAnotherStructure) {
  const std::filesystem::path plus =
      SaveModule(folder_, "def forward(self, x):\n  return x @ self.w0 + 1.0\n", 4, "a.pt");
  const std::filesystem::path minus =
      SaveModule(folder_, "def forward(self, x):\n  return x @ self.w0 - 1.0\n", 4, "b.pt");
  const std::filesystem::path more =
      SaveModule(folder_, "def forward(self, x):\n  return x @ self.w0 + 1.0\n", 5, "c.pt");
  EXPECT_NE(KeyOf(plus), KeyOf(minus));
  EXPECT_NE(KeyOf(plus), KeyOf(more));
  const auto first = LoadStreamed(scheduler_, plus);
  const auto second = LoadStreamed(scheduler_, minus);
  EXPECT_FALSE(ShareCode(*first, *second));
  EXPECT_TRUE(at::equal(Answer(*second, input_), StockAnswer(minus, input_)));
}

/// A module with an attribute that is compiled into its code.
std::filesystem::path SaveWithConstant(const TemporaryFolder& folder, double factor,
                                       std::string_view name) {
  torch::jit::Module module("m");
  module.register_parameter("w", at::ones({kWidth, kWidth}), false);
  module.register_attribute("training", c10::BoolType::get(), false);
  module.register_attribute("factor", c10::FloatType::get(), factor);
  module.define("def forward(self, x):\n  return x @ self.w * self.factor\n");
  module.eval();
  torch::jit::freeze(module, std::vector<std::string>{"w"}).save((folder / name).string());
  return folder / name;
}

TEST_F(StructureCacheTest, AttributesThatAreConstantsAreCode) {
  const std::filesystem::path two = SaveWithConstant(folder_, 2, "two.pt");
  const std::filesystem::path three = SaveWithConstant(folder_, 3, "three.pt");
  EXPECT_NE(KeyOf(two), KeyOf(three));
  EXPECT_EQ(KeyOf(two), KeyOf(SaveWithConstant(folder_, 2, "again.pt")));
  const auto doubled = LoadStreamed(scheduler_, two);
  const auto tripled = LoadStreamed(scheduler_, three);
  EXPECT_TRUE(at::equal(Answer(*doubled, input_), StockAnswer(two, input_)));
  EXPECT_TRUE(at::equal(Answer(*tripled, input_), StockAnswer(three, input_)));
}

TEST_F(StructureCacheTest, WeightsThatAreConstantsAreNotShared) {
  for (const int number : {0, 1}) {
    const std::filesystem::path path = SaveModule(folder_, kChain);
    torch::jit::Module module = torch::jit::load(path.string());
    module.eval();
    const std::filesystem::path frozen = folder_ / ("frozen" + std::to_string(number) + ".pt");
    torch::jit::freeze(module).save(frozen.string());
    EXPECT_EQ(KeyOf(frozen), std::nullopt);
    const auto streamed = LoadStreamed(scheduler_, frozen, {.load = {.guarded = true}});
    EXPECT_TRUE(at::equal(Answer(*streamed, input_), StockAnswer(frozen, input_)));
  }
}

TEST_F(StructureCacheTest, SmallConstantsAreShared) {
  std::vector<std::filesystem::path> paths;
  for (const double value : {1.0, 1.0, 2.0}) {
    torch::jit::Module module("m");
    module.register_parameter("w", at::randn({kWidth, kWidth}), false);
    module.register_attribute("training", c10::BoolType::get(), false);
    module.register_attribute("shift", c10::TensorType::get(), at::full({3}, value));
    module.define("def forward(self, x):\n  return x @ self.w + self.shift.sum()\n");
    module.eval();
    // Freezes what is no parameter only: `w` is kept by name.
    const auto frozen = torch::jit::freeze(module, std::vector<std::string>{"w"});
    paths.push_back(folder_ / (std::to_string(paths.size()) + ".pt"));
    frozen.save(paths.back().string());
  }
  ASSERT_NE(KeyOf(paths[0]), std::nullopt);
  EXPECT_EQ(KeyOf(paths[0]), KeyOf(paths[1]));
  EXPECT_NE(KeyOf(paths[0]), KeyOf(paths[2]));
  for (const std::filesystem::path& path : paths) {
    const auto streamed = LoadStreamed(scheduler_, path);
    EXPECT_TRUE(at::equal(Answer(*streamed, input_), StockAnswer(path, input_)));
  }
}

TEST_F(StructureCacheTest, ManyMayBeLoadedAtOnce) {
  for (int round = 0; round < 10; ++round) {
    // Code that no other round has.
    const std::string forward =
        "def forward(self, x):\n  return torch.relu(x @ self.w0) @ self.w1 + " +
        std::to_string(round) + ".0\n";
    std::vector<std::filesystem::path> paths;
    std::vector<at::Tensor> expected;
    for (const char* name : {"a.pt", "b.pt", "c.pt", "d.pt"}) {
      paths.push_back(SaveModule(folder_, forward, 2, name));
      expected.push_back(StockAnswer(paths.back(), input_));
    }
    std::vector<std::shared_ptr<StreamedModule>> loaded(paths.size());
    {
      std::vector<std::jthread> loaders;
      for (size_t i = 0; i < paths.size(); ++i) {
        loaders.emplace_back([&, i] {
          loaded[i] = LoadStreamed(scheduler_, paths[i]);
          EXPECT_TRUE(at::equal(Answer(*loaded[i], input_), expected[i]));
        });
      }
    }
    for (const auto& module : loaded) EXPECT_TRUE(ShareCode(*module, *loaded[0]));
  }
}

TEST_F(StructureCacheTest, TheSecondTakesMuchLessTime) {
  std::string forward = "def forward(self, x):\n";
  for (int i = 0; i < 200; ++i) {
    forward += "  x = torch.relu(torch.add(x @ self.w" + std::to_string(i) + ", x, alpha=1))\n";
  }
  const std::filesystem::path path = SaveModule(folder_, forward + "  return x\n", 200);
  std::vector<std::chrono::duration<double, std::milli>> times;
  for (int i = 0; i < 6; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto streamed = LoadStreamed(scheduler_, path);
    times.push_back(std::chrono::steady_clock::now() - begin);
  }
  const auto later = *std::min_element(times.begin() + 1, times.end());
  RecordProperty("first_ms", std::to_string(times.front().count()));
  RecordProperty("later_ms", std::to_string(later.count()));
  EXPECT_LT(later * 2, times.front());
}

TEST_F(StructureCacheTest, ItsModulesReadTheirOwnStateFirst) {
  const std::filesystem::path path = Archived("remembering.pt");
  for (int i = 0; i < 3; ++i) {
    const auto streamed = LoadStreamed(scheduler_, path, {.load = {.guarded = true}});
    EXPECT_TRUE(at::equal(Answer(*streamed, input_), StockAnswer(path, input_)));
  }
}

TEST_F(StructureCacheTest, TheOnesUsedLastStay) {
  StructureCache cache(2);
  const auto a = cache.Get("a");
  const auto b = cache.Get("b");
  EXPECT_EQ(cache.Get("a"), a);
  cache.Get("c");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Get("a"), a);
  EXPECT_NE(cache.Get("b"), b);
  cache.Drop("b", b);  // another has its key now
  EXPECT_EQ(cache.size(), 2u);
  cache.Drop("a", a);
  EXPECT_EQ(cache.size(), 1u);
}

}  // namespace
}  // namespace raceway::engine::load
