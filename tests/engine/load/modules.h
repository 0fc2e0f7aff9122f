#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/load/streamed_module.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"

/// What the tests of modules have in common.
namespace raceway::engine::load::testing {

inline constexpr int64_t kWidth = 64;

/// Square weights `w0`, `w1`, … and what `forward` does with them, in `folder / name`.
std::filesystem::path SaveModule(const TemporaryFolder& folder, const std::string& forward,
                                 int num_weights = 4, std::string_view name = "m.pt",
                                 int64_t width = kWidth);

inline constexpr char kChain[] =
    "def forward(self, x):\n"
    "  for i in range(2):\n"
    "    x = torch.relu(x @ self.w0) @ self.w1 + x @ self.w2.t()\n"
    "  return torch.cat([x, self.w3]).view(-1)[2:]\n";

/// Writes over a byte of weight `i` of an archive. The weight's record.
std::string DamageWeight(const std::filesystem::path& path, size_t i);

/// As the engine calls a module.
at::Tensor Call(torch::jit::Module module, std::vector<c10::IValue> inputs);

/// The answer of the module that `torch::jit::load` gives.
at::Tensor StockAnswer(const std::filesystem::path& path, const at::Tensor& input);

/// Throws a `std::runtime_error` with the message where it cannot be loaded.
std::shared_ptr<StreamedModule> LoadStreamed(FaultyScheduler& scheduler,
                                             const std::filesystem::path& path,
                                             StreamedOptions options = {});

at::Tensor Answer(StreamedModule& streamed, const at::Tensor& input,
                  const CancelToken& cancel = CancelToken());

/// "failed: …", or nothing.
std::string ErrorOf(StreamedModule& streamed, const at::Tensor& input);

}  // namespace raceway::engine::load::testing
