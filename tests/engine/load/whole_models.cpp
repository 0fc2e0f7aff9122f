#include "tests/engine/load/whole_models.h"

#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/torchscript_source.h"

namespace raceway::engine::load::testing {
namespace {

bool IsSame(const at::Tensor& a, const at::Tensor& b) {
  if (a.defined() != b.defined()) return false;
  if (!a.defined()) return true;
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor left = a.contiguous();
  const at::Tensor right = b.contiguous();
  return left.nbytes() == 0 ||
         std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
}

template <typename Values>
bool AreSame(const Values& a, const Values& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const c10::IValue& x, const c10::IValue& y) { return testing::IsSame(x, y); });
}

}  // namespace

std::filesystem::path SaveModel(const TemporaryFolder& folder, const std::string& forward,
                                int num_weights, int64_t width) {
  torch::jit::Module module("m");
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  for (int i = 0; i < num_weights; ++i) {
    module.register_parameter("w" + std::to_string(i), at::randn({width, width}).mul(scale), false);
  }
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(forward);
  const std::filesystem::path path = folder / "m.pt";
  module.save(path.string());
  return path;
}

std::filesystem::path SaveLayers(const TemporaryFolder& folder, int num_weights, int64_t width) {
  std::string forward = "def forward(self, x):\n";
  for (int i = 0; i < num_weights; ++i) {
    forward += "  x = x @ self.w" + std::to_string(i) + "\n";
  }
  return SaveModel(folder, forward + "  return x\n", num_weights, width);
}

Extent ExtentOf(const std::filesystem::path& model, const std::string& weight) {
  const Archive archive = Archive::Open(model).value();
  const WeightMap weights = ReadTorchScript(archive).value();
  const auto found = std::find_if(weights.tensors.begin(), weights.tensors.end(),
                                  [&](const Tensor& tensor) { return tensor.name == weight; });
  if (found == weights.tensors.end()) throw std::runtime_error("no weight " + weight);
  return weights.storages[found->storage].extent;
}

c10::IValue CallModel(torch::jit::Module module, Inputs inputs) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  return module.forward(std::move(inputs));
}

c10::IValue StockAnswer(const std::filesystem::path& path, Inputs inputs) {
  const c10::InferenceMode inference;
  torch::jit::Module module = torch::jit::load(path.string());
  module.eval();
  return CallModel(module, std::move(inputs));
}

c10::IValue Answer(StreamedModule& streamed, Inputs inputs, const CancelToken& cancel) {
  return streamed.Run(cancel, [&] { return CallModel(streamed.module(), std::move(inputs)); });
}

bool IsSame(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTensor() && b.isTensor()) return IsSame(a.toTensor(), b.toTensor());
  if (a.isTuple() && b.isTuple()) {
    return AreSame(a.toTupleRef().elements().vec(), b.toTupleRef().elements().vec());
  }
  if (a.isList() && b.isList()) return AreSame(a.toListRef().vec(), b.toListRef().vec());
  return a.isTensor() == b.isTensor() && a == b;
}

Result<std::shared_ptr<StreamedModule>> TryLoad(ReadScheduler& scheduler,
                                                const std::filesystem::path& path,
                                                LoadOptions options, MemoryMode memory) {
  const c10::InferenceMode inference;
  Result<std::shared_ptr<StreamedModule>> streamed =
      StreamedModule::Load(scheduler, path, {.load = std::move(options), .memory = memory});
  if (streamed) {
    torch::jit::Module module = (*streamed)->module();  // a handle
    module.eval();
  }
  return streamed;
}

std::shared_ptr<StreamedModule> LoadModel(ReadScheduler& scheduler,
                                          const std::filesystem::path& path, LoadOptions options,
                                          MemoryMode memory) {
  Result<std::shared_ptr<StreamedModule>> streamed =
      TryLoad(scheduler, path, std::move(options), memory);
  if (!streamed) throw std::runtime_error(streamed.error().Text());
  return *streamed;
}

Result<c10::IValue> TryAnswer(StreamedModule& streamed, Inputs inputs, const CancelToken& cancel) {
  try {
    return Answer(streamed, std::move(inputs), cancel);
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const Stopped& stopped) {
    return Error{stopped.code, "stopped"};
  }
}

Result<c10::IValue> TryModel(ReadScheduler& scheduler, const std::filesystem::path& path,
                             Inputs inputs, LoadOptions options) {
  const Result<std::shared_ptr<StreamedModule>> streamed =
      TryLoad(scheduler, path, std::move(options));
  if (!streamed) return streamed.error();
  return TryAnswer(**streamed, std::move(inputs));
}

std::string Verdict(const Result<c10::IValue>& answer, const c10::IValue& expected) {
  if (!answer) return std::string(NameOf(answer.error().code)) + ": " + answer.error().message;
  return IsSame(*answer, expected) ? "right" : "wrong";
}

}  // namespace raceway::engine::load::testing
