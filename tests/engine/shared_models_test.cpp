// Flows of one process hold what they have in common once.
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <torch/csrc/jit/api/module.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/engine.h"
#include "operators/register_all.h"
#include "tests/support/resident.h"

namespace raceway::engine {
namespace {

using tests::ResidentBytes;

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kWeights = 64 * kMiB;

class SharedModelsTest : public ::testing::Test {
 protected:
  SharedModelsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "raceway-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    torch::jit::Module module("m");
    module.register_parameter("weight", at::ones({kWeights / 4}), false);
    module.define("def forward(self, x):\n  return x + self.weight[0]\n");
    for (const char* copy : {"a", "b"}) {
      std::filesystem::create_directory(folder_ / copy);
      module.save((folder_ / copy / "m.pt").string());
    }
  }
  ~SharedModelsTest() override { std::filesystem::remove_all(folder_); }

  static PhysicalPlan Plan(const std::string& file, char hash) {
    const Type f32{.dtype = DataType::kF32, .shape = {}};
    StepSpec step;
    step.op = "model";
    step.label = "map(m)";
    step.arguments = {{"x", "x"}};
    step.results = {{"y", "y"}};
    step.options = {{"source", file}, {"sha256", std::string(64, hash)}, {"threads", int64_t{0}}};
    step.outputs = {Schema({{"x", f32}, {"y", f32}})};
    PhysicalPlan plan;
    plan.flow = "f";
    plan.inputs = {{"rows", Schema({{"x", f32}})}};
    plan.stages = {{.name = "m", .inputs = {{-1, 0}}, .steps = {step}}};
    plan.results = {{"", {0, 0}, {{"y", "y"}}}};
    return plan;
  }
  static Engine MakeEngine() {
    EngineOptions options;
    options.num_workers = 1;
    operators::RegisterAll(options.factories);
    return Engine(std::move(options));
  }
  /// How much more memory the process has after deploying it and a request, which waits for its
  /// weights.
  int64_t BytesToDeploy(Engine& engine, const PhysicalPlan& plan, FlowHandle& handle) {
    const int64_t before = ResidentBytes();
    Result<FlowHandle> flow = engine.Deploy(plan, folder_);
    EXPECT_TRUE(flow.ok()) << flow.error().Text();
    if (flow.ok()) handle = *std::move(flow);
    const Batch rows(handle->input_schema(), {Column(at::zeros({2}))}, 2);
    EXPECT_TRUE(engine.Run(*handle, rows).ok());
    return ResidentBytes() - before;
  }

  std::filesystem::path folder_;
};

TEST_F(SharedModelsTest, OneContentIsLoadedOnceWhereverItLies) {
  Engine engine = MakeEngine();
  Engine other = MakeEngine();
  FlowHandle first, same, elsewhere, different;
  EXPECT_GT(BytesToDeploy(engine, Plan("a/m.pt", 'a'), first), kWeights / 2);
  EXPECT_LT(BytesToDeploy(engine, Plan("b/m.pt", 'a'), same), kWeights / 4);
  EXPECT_LT(BytesToDeploy(other, Plan("b/m.pt", 'a'), elsewhere), kWeights / 4);
  EXPECT_GT(BytesToDeploy(engine, Plan("b/m.pt", 'b'), different), kWeights / 2);

  engine.Undeploy(*first).wait();
  const Batch rows(first->input_schema(), {Column(at::zeros({2}))}, 2);
  const Result<Batch> answer = engine.Run(*same, rows);
  ASSERT_TRUE(answer.ok()) << answer.error().Text();
  EXPECT_EQ(answer->column(0).dense().sum().item<float>(), 2);

  // The last of its flows frees it.
  const int64_t before = ResidentBytes();
  engine.Undeploy(*same).wait();
  EXPECT_LT(before - ResidentBytes(), kWeights / 4);
  other.Undeploy(*elsewhere).wait();
  if (!tests::kFreedIsGone) return;
  EXPECT_GT(before - ResidentBytes(), kWeights / 2);
}

}  // namespace
}  // namespace raceway::engine
