#include "tests/engine/load/modules.h"

#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <stdexcept>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/torchscript_source.h"
#include "tests/engine/load/files.h"

namespace raceway::engine::load::testing {

std::filesystem::path SaveModule(const TemporaryFolder& folder, const std::string& forward,
                                 int num_weights, std::string_view name, int64_t width) {
  torch::jit::Module module("m");
  for (int i = 0; i < num_weights; ++i) {
    module.register_parameter("w" + std::to_string(i), at::randn({width, width}), false);
  }
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(forward);
  const std::filesystem::path path = folder / name;
  module.save(path.string());
  return path;
}

std::string DamageWeight(const std::filesystem::path& path, size_t i) {
  const Archive archive = Archive::Open(path).value();
  const Storage weight = ReadTorchScript(archive).value().storages.at(i);
  FlipBit(path, weight.extent.offset + 100);
  return weight.name;
}

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

std::shared_ptr<StreamedModule> LoadStreamed(FaultyScheduler& scheduler,
                                             const std::filesystem::path& path,
                                             StreamedOptions options) {
  const c10::InferenceMode inference;
  Result<std::shared_ptr<StreamedModule>> streamed =
      StreamedModule::Load(*scheduler, path, std::move(options));
  if (!streamed) throw std::runtime_error(streamed.error().Text());
  return *streamed;
}

at::Tensor Answer(StreamedModule& streamed, const at::Tensor& input, const CancelToken& cancel) {
  return streamed.Run(cancel, [&] { return Call(streamed.module(), {input}); });
}

std::string ErrorOf(StreamedModule& streamed, const at::Tensor& input) {
  try {
    Answer(streamed, input);
    return {};
  } catch (const WeightMissing& missing) {
    return std::string(NameOf(missing.error.code)) + ": " + missing.error.Text();
  }
}

}  // namespace raceway::engine::load::testing
