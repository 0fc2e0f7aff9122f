#include "tests/engine/load/strategies/cold_models.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <stdexcept>

#include "engine/load/strategies/cold_model.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load::testing {
namespace {

torch::jit::Module Empty(const std::string& name,
                         const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module module(c10::QualifiedName(name), unit);
  module.register_attribute("training", c10::BoolType::get(), false);
  return module;
}

at::Tensor Random(at::IntArrayRef sizes, at::Generator& chance) {
  return at::randn(sizes, chance).mul_(0.1);
}

at::Tensor Image() { return at::linspace(0, 1, 192).reshape({1, 3, 8, 8}); }

std::string BodyOf(const std::string& lines) { return "def forward(self, x):\n" + lines; }

/// Weights in a list and in a dictionary.
ColdModel SaveContained(const TemporaryFolder& folder) {
  at::Generator chance = at::detail::createCPUGenerator(5);
  const auto square = [&] { return Random({64, 64}, chance); };
  c10::Dict<std::string, at::Tensor> named;
  named.insert("up", square());
  named.insert("down", square());
  torch::jit::Module module("m");
  module.register_attribute("layers", c10::ListType::ofTensors(),
                            c10::List<at::Tensor>({square(), square()}));
  module.register_attribute(
      "named", c10::DictType::create(c10::StringType::get(), c10::TensorType::get()), named);
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(
      BodyOf("  for layer in self.layers:\n    x = torch.relu(x @ layer)\n"
             "  return x @ self.named['up'] + x @ self.named['down']\n"));
  module.save((folder / "contained.pt").string());
  return {"contained.pt", folder / "contained.pt", {at::ones({5, 64})}};
}

/// Two small changes to one large weight that both have, as LoRA makes them.
ColdModel SaveAdapted(const TemporaryFolder& folder) {
  at::Generator chance = at::detail::createCPUGenerator(6);
  const at::Tensor base = Random({256, 256}, chance);
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module both = Empty("Both", unit);
  for (const char* name : {"first", "second"}) {
    torch::jit::Module adapted = Empty(std::string("Adapted_") + name, unit);
    adapted.register_parameter("base", base, false);
    adapted.register_parameter("a", Random({256, 16}, chance), false);
    adapted.register_parameter("b", Random({16, 256}, chance), false);
    adapted.define(BodyOf("  return x @ self.base + (x @ self.a) @ self.b * 0.5\n"));
    both.register_module(name, adapted);
  }
  both.define(BodyOf("  return self.second.forward(torch.tanh(self.first.forward(x)))\n"));
  both.save((folder / "adapted.pt").string());
  return {"adapted.pt", folder / "adapted.pt", {at::ones({5, 256})}};
}

}  // namespace

ColdModel SaveSquares(const TemporaryFolder& folder, const std::string& name,
                      const std::string& body, const std::vector<uint64_t>& seeds, int64_t width) {
  torch::jit::Module module("m");
  for (size_t i = 0; i < seeds.size(); ++i) {
    at::Generator chance = at::detail::createCPUGenerator(seeds[i]);
    module.register_parameter("w" + std::to_string(i), Random({width, width}, chance), false);
  }
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(BodyOf(body));
  module.save((folder / name).string());
  return {name, folder / name, {at::ones({5, width})}};
}

ColdModel SaveVgg(const TemporaryFolder& folder, const std::string& name,
                  const std::vector<int64_t>& widths, uint64_t seed) {
  at::Generator chance = at::detail::createCPUGenerator(seed);
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module vgg = Empty("Vgg", unit);
  torch::jit::Module features = Empty("Features", unit);
  std::string calls;
  int64_t before = 3;
  for (size_t i = 0; i < widths.size(); ++i) {
    torch::jit::Module layer = Empty("Conv" + std::to_string(i), unit);
    layer.register_parameter("weight", Random({widths[i], before, 3, 3}, chance), false);
    layer.register_parameter("bias", Random({widths[i]}, chance), false);
    layer.define(BodyOf("  return torch.relu_(torch.conv2d(x, self.weight, self.bias, 1, 1))\n"));
    features.register_module(std::to_string(i), layer);
    calls += "  x = getattr(self, '" + std::to_string(i) + "').forward(x)\n";
    before = widths[i];
  }
  features.define(BodyOf(calls + "  return x\n"));
  vgg.register_module("features", features);
  torch::jit::Module classifier = Empty("Classifier", unit);
  classifier.register_parameter("first", Random({256, 4 * before}, chance), false);
  classifier.register_parameter("second", Random({256, 256}, chance), false);
  classifier.define(BodyOf("  return torch.relu(x @ self.first.t()) @ self.second\n"));
  vgg.register_module("classifier", classifier);
  vgg.define(
      BodyOf("  x = torch.adaptive_avg_pool2d(self.features.forward(x), [2, 2])\n"
             "  return self.classifier.forward(torch.flatten(x, 1))\n"));
  vgg.save((folder / name).string());
  return {name, folder / name, {Image()}};
}

std::vector<ColdModel> ModelsOfAllKinds(const TemporaryFolder& folder) {
  const at::Tensor words = at::arange(28).remainder(50).reshape({4, 7});
  const at::Tensor image = Image();
  const at::Tensor rows = at::linspace(0, 1, 320).reshape({5, 64});
  std::vector<ColdModel> models;
  for (const char* name : {"tied.pt", "frozen.pt"})
    models.push_back({name, Archived(name), {words}});
  for (const char* name : {"traced.pt", "traced_layers.pt"}) {
    models.push_back({name, Archived(name), {image}});
  }
  for (const char* name : {"remembering.pt", "forking.pt", "quantized.pt", "deflated.pt"}) {
    models.push_back({name, Archived(name), {rows}});
  }
  models.push_back(
      SaveSquares(folder, "branching.pt",
                  "  for i in range(3):\n"
                  "    if float(x.sum()) > 1000000.0:\n      x = x @ self.w3\n"
                  "    else:\n      x = torch.relu(x @ self.w0) @ self.w1 + x @ self.w2.t()\n"
                  "  return torch.cat([x, self.w3]).view(-1)[2:]\n",
                  {1, 2, 3, 4}));
  models.push_back(SaveSquares(folder, "writing.pt",
                               "  self.w0.add_(1.0)\n  return x @ self.w0 @ self.w1\n", {1, 2}));
  models.push_back(SaveVgg(folder, "vgg.pt", {16, 32, 64}));
  const ColdModel frozen = SaveVgg(folder, "vgg_frozen.pt", {16, 32, 64}, 2);
  torch::jit::Module module = torch::jit::load(frozen.path.string());
  torch::jit::freeze(module).save(frozen.path.string());
  models.push_back(frozen);
  models.push_back(SaveContained(folder));
  models.push_back(SaveAdapted(folder));
  models.push_back(
      {"silero_vad.jit", SileroVad(), {at::linspace(0, 1, 512).reshape({1, 512}), 16000}});
  return models;
}

uint64_t BytesOfWeights(const std::filesystem::path& path) {
  const Result<ScannedModel> scanned = Scan({.model = path});
  uint64_t num_bytes = 0;
  for (const Extent& extent : scanned->extents) num_bytes += extent.size;
  return num_bytes;
}

at::Tensor StockAnswer(const ColdModel& model) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  torch::jit::Module module = torch::jit::load(model.path.string());
  module.eval();
  return module.forward(model.inputs).toTensor();
}

std::vector<LoadEvent> EventLog::Of(Lane lane) const {
  const std::lock_guard lock(mutex_);
  std::vector<LoadEvent> events;
  for (const LoadEvent& event : events_) {
    if (event.lane == lane) events.push_back(event);
  }
  return events;
}

uint64_t EventLog::BytesOf(Lane lane) const {
  uint64_t num_bytes = 0;
  for (const LoadEvent& event : Of(lane)) num_bytes += event.num_bytes;
  return num_bytes;
}

ColdAnswer AnswerOf(Strategy strategy, const ColdRequest& request) {
  Result<ColdAnswer> answer = AnswerCold(strategy, request);
  if (!answer) throw std::runtime_error(answer.error().Text());
  return *std::move(answer);
}

}  // namespace raceway::engine::load::testing
