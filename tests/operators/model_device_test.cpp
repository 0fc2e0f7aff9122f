// Models of flows on a device: through the pipelined loader where that can. The device is one that
// is made of threads.
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <atomic>
#include <stdexcept>

#include "engine/load/load_listener.h"
#include "engine/load/process_scheduler.h"
#include "operators/models/torchscript.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fake_device.h"
#include "tests/engine/load/fault_reader.h"

namespace raceway::operators {
namespace {

namespace load = engine::load;
using engine::Result;
using load::testing::FakeDevice;

constexpr int64_t kWidth = 64;
constexpr int kNumWeights = 8;
constexpr uint64_t kNumBytes = kNumWeights * kWidth * kWidth * sizeof(float);

class ModelDeviceTest : public ::testing::Test {
 protected:
  ModelDeviceTest() {
    torch::jit::Module module("m");
    std::string forward = "def forward(self, x):\n";
    for (int i = 0; i < kNumWeights; ++i) {
      const std::string weight = "w" + std::to_string(i);
      module.register_parameter(weight, at::randn({kWidth, kWidth}).mul(0.1), false);
      forward += "  x = x @ self." + weight + "\n";
    }
    module.register_attribute("training", c10::BoolType::get(), false);
    module.define(forward + "  return x\n");
    module.save(path_.string());
  }

  static std::shared_ptr<const LoadedModel> Load(const std::filesystem::path& path,
                                                 const ModelOptions& options = {}) {
    Result<std::shared_ptr<const LoadedModel>> model =
        LoadTorchScript(path, {}, options, FakeDevice());
    if (!model) throw std::runtime_error(model.error().Text());
    return *std::move(model);
  }
  bool IsRight(const LoadedModel& model, const std::filesystem::path& path) const {
    const c10::InferenceMode inference;
    const at::Tensor answer = model.Call({input_}, engine::CancelToken()).toTensor();
    EXPECT_EQ(answer.device(), FakeDevice());
    return answer.cpu().equal(torch::jit::load(path.string()).forward({input_}).toTensor());
  }

  load::testing::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "m.pt";
  const at::Tensor input_ = at::randn({5, kWidth});
  std::atomic<uint64_t> num_bytes_ = 0;  // that the pipelined loader read
  const load::LoadListening listening_{[this](const std::string&, const load::LoadEvent& event) {
    if (event.lane == load::Lane::kRetrieve) num_bytes_ += event.num_bytes;
  }};
};

TEST_F(ModelDeviceTest, AModelIsDeployedWhileItsWeightsAreOnTheirWay) {
  load::testing::Barrier barrier;
  load::testing::FaultyScheduler scheduler({.intercept = [&](const load::ReadRequest&) {
    barrier.Pass();
    return std::nullopt;
  }});
  const load::ProcessSchedulerInstead instead(*scheduler);
  const auto model = Load(path_);
  EXPECT_EQ(num_bytes_, 0u);
  barrier.Open();
  EXPECT_TRUE(IsRight(*model, path_));
  EXPECT_GE(num_bytes_, kNumBytes);
}

TEST_F(ModelDeviceTest, HintsAboutMemoryOfTheHostDoNotCount) {
  ModelOptions options;
  options.load.streams = true;
  options.load.max_bytes = 1;
  EXPECT_TRUE(IsRight(*Load(path_, options), path_));
  EXPECT_GE(num_bytes_, kNumBytes);
}

TEST_F(ModelDeviceTest, WhatThePipelinedLoaderCannotTheStockLoaderDoes) {
  const std::filesystem::path path = load::testing::Archived("deflated.pt");
  EXPECT_TRUE(IsRight(*Load(path), path));
  EXPECT_EQ(num_bytes_, 0u);
}

}  // namespace
}  // namespace raceway::operators
