#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <map>
#include <mutex>
#include <string>

#include "engine/load/archive.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/weight_cast.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/modules.h"

namespace raceway::engine::load {
namespace {

using testing::Answer;
using testing::Archived;
using testing::Call;
using testing::DamageWeight;
using testing::ErrorOf;
using testing::Faults;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::kChain;
using testing::kWidth;
using testing::SaveModule;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

constexpr c10::ScalarType kTypes[] = {at::kBFloat16, at::kHalf, at::kFloat, at::kDouble};

/// What `torch::jit::load` gives, cast when all of it is there.
torch::jit::Module StockCast(const std::filesystem::path& path, c10::ScalarType dtype) {
  const c10::InferenceMode inference;
  torch::jit::Module module = torch::jit::load(path.string());
  module.eval();
  CastWeights(module, dtype);
  return module;
}

/// Names, types and bits of all parameters and buffers.
std::map<std::string, at::Tensor> WeightsOf(const torch::jit::Module& module) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& weight : module.named_parameters()) weights[weight.name] = weight.value;
  for (const auto& weight : module.named_buffers()) weights[weight.name] = weight.value;
  return weights;
}

void ExpectSameWeights(const torch::jit::Module& module, const torch::jit::Module& expected) {
  const std::map<std::string, at::Tensor> others = WeightsOf(expected);
  const std::map<std::string, at::Tensor> weights = WeightsOf(module);
  ASSERT_EQ(weights.size(), others.size());
  for (const auto& [name, weight] : weights) {
    EXPECT_EQ(weight.scalar_type(), others.at(name).scalar_type()) << name;
    EXPECT_TRUE(at::equal(weight, others.at(name))) << name;
  }
}

bool ShareStorage(const torch::jit::Module& module, const std::string& a, const std::string& b) {
  const auto weights = WeightsOf(module);
  return weights.at(a).storage().unsafeGetStorageImpl() ==
         weights.at(b).storage().unsafeGetStorageImpl();
}

class CastTest : public ::testing::Test {
 protected:
  CastTest() { EXPECT_TRUE(InstallOperatorGate().ok()); }

  TemporaryFolder folder_;
};

TEST_F(CastTest, WeightsAreThoseOfTheStockCast) {
  const std::filesystem::path small = SaveModule(folder_, kChain);
  for (const std::filesystem::path& path : {small, Archived("tied.pt"), Archived("frozen.pt"),
                                            Archived("traced.pt"), Archived("remembering.pt")}) {
    for (const c10::ScalarType dtype : kTypes) {
      for (const bool guarded : {false, true}) {
        FaultyScheduler scheduler(Faults{.short_reads = 20, .delay = 200us});
        StreamedOptions options{.load = {.guarded = guarded}, .dtype = dtype};
        options.load.plan.chunk_bytes = 4096;
        const auto streamed = LoadStreamed(scheduler, path, options);
        ASSERT_TRUE(streamed->WaitAll().ok());
        ExpectSameWeights(streamed->module(), StockCast(path, dtype));
      }
    }
  }
}

TEST_F(CastTest, AnswersWhileWeightsAreOnTheirWay) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  const at::Tensor input = at::randn({5, kWidth}).to(at::kBFloat16);
  const at::Tensor expected = Call(StockCast(path, at::kBFloat16), {input});
  int num_early = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    FaultyScheduler scheduler(Faults{.seed = seed, .short_reads = 20, .delay = 300us});
    StreamedOptions options{.load = {.guarded = true}, .dtype = at::kBFloat16};
    options.load.plan.chunk_bytes = 4096;
    options.load.verify = seed % 2 == 0 ? Verify::kBeforePublish : Verify::kBeforeAnswer;
    const auto streamed = LoadStreamed(scheduler, path, options);
    num_early += streamed->is_complete() ? 0 : 1;
    EXPECT_TRUE(at::equal(Answer(*streamed, input), expected)) << seed;
  }
  EXPECT_GT(num_early, 0);
}

TEST_F(CastTest, TiedWeightsAndViewsShareTheirStorage) {
  const std::filesystem::path path = Archived("tied.pt");
  FaultyScheduler scheduler(Faults{});
  const auto streamed = LoadStreamed(scheduler, path, {.dtype = at::kHalf});
  ASSERT_TRUE(streamed->WaitAll().ok());
  const torch::jit::Module& module = streamed->module();
  EXPECT_TRUE(ShareStorage(module, "emb.weight", "head.weight"));
  EXPECT_TRUE(ShareStorage(module, "full", "part"));
  EXPECT_TRUE(ShareStorage(module, "full", "turned"));
  EXPECT_EQ(module.attr("full").toTensor().storage().nbytes(), 4096u * 2);
}

TEST_F(CastTest, WhatHasArrivedIsTakenOutOfTheFilesMemory) {
  const std::filesystem::path path = SaveModule(folder_, kChain, 50);
  std::mutex mutex;
  int64_t num_applied = 0;
  StreamedOptions options{.dtype = at::kBFloat16};
  options.load.on_event = [&](const LoadEvent& event) {
    const std::lock_guard lock(mutex);
    num_applied += event.lane == Lane::kApply && event.storage >= 0 ? 1 : 0;
  };
  FaultyScheduler scheduler(Faults{});
  const auto streamed = LoadStreamed(scheduler, path, options);
  ASSERT_TRUE(streamed->WaitAll().ok());
  EXPECT_EQ(num_applied, 50);
  // Pages that two of them have in common stay.
  EXPECT_LE(streamed->job().arena(0)->CountResident(), 51 * kBlock);
}

/// A weight, and a list with a view of it: what is cast is the weight alone.
std::filesystem::path SaveListed(const TemporaryFolder& folder) {
  torch::jit::Module module("m");
  const at::Tensor weight = at::randn({kWidth, kWidth});
  module.register_parameter("w", weight, false);
  module.register_attribute("training", c10::BoolType::get(), false);
  module.register_attribute("all", c10::ListType::ofTensors(),
                            c10::List<at::Tensor>({at::ones({2}), weight[3]}));
  module.define("def forward(self, x):\n  return (x @ self.w).float() + self.all[1]\n");
  module.save((folder / "listed.pt").string());
  return folder / "listed.pt";
}

TEST_F(CastTest, AWeightThatIsWantedInTwoTypesIsCastAtTheEnd) {
  const std::filesystem::path path = SaveListed(folder_);
  const at::Tensor input = at::randn({5, kWidth}).to(at::kHalf);
  const torch::jit::Module expected = StockCast(path, at::kHalf);
  FaultyScheduler scheduler(Faults{.delay = 1ms});
  const auto streamed =
      LoadStreamed(scheduler, path, {.load = {.guarded = true}, .dtype = at::kHalf});
  EXPECT_TRUE(streamed->is_complete());
  ExpectSameWeights(streamed->module(), expected);
  EXPECT_EQ(streamed->module().attr("all").toTensorVector()[1].scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(Answer(*streamed, input), Call(expected, {input})));
}

TEST_F(CastTest, ADamagedWeightIsNotCast) {
  const std::filesystem::path path = SaveModule(folder_, kChain);
  DamageWeight(path, 2);
  FaultyScheduler scheduler(Faults{});
  const auto streamed = LoadStreamed(scheduler, path, {.dtype = at::kBFloat16});
  EXPECT_THAT(ErrorOf(*streamed, at::randn({5, kWidth}).to(at::kBFloat16)), HasSubstr("m.pt"));
}

}  // namespace
}  // namespace raceway::engine::load
