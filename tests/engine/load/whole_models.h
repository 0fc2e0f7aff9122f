#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/load/streamed_module.h"
#include "engine/result.h"
#include "tests/engine/load/archives.h"

/// What the tests of whole models have in common: models, and answers to compare.
namespace raceway::engine::load::testing {

using Inputs = std::vector<c10::IValue>;

inline constexpr int64_t kLayerWidth = 64;

/// A module with weights `w0`, `w1`, …, f32[width, width], and what is done with them, as "m.pt".
std::filesystem::path SaveModel(const TemporaryFolder& folder, const std::string& forward,
                                int num_weights = 4, int64_t width = kLayerWidth);
/// x through all of its weights, one after the other; for x f32[rows, width].
std::filesystem::path SaveLayers(const TemporaryFolder& folder, int num_weights,
                                 int64_t width = kLayerWidth);

/// Where a weight of a model lies in its file.
Extent ExtentOf(const std::filesystem::path& model, const std::string& weight);

/// For loads that take many reads, of small models as well.
inline LoadOptions InChunksOf(uint32_t num_bytes) { return {.plan = {.chunk_bytes = num_bytes}}; }

/// `forward`, as requests call it.
c10::IValue CallModel(torch::jit::Module module, Inputs inputs);
/// What the model answers that LibTorch's own loader makes.
c10::IValue StockAnswer(const std::filesystem::path& path, Inputs inputs);
c10::IValue Answer(StreamedModule& streamed, Inputs inputs,
                   const CancelToken& cancel = CancelToken());

/// A model of equal layers, and what it answers.
class LayersTest : public ::testing::Test {
 protected:
  explicit LayersTest(int num_layers) : path_(SaveLayers(folder_, num_layers)) {}

  TemporaryFolder folder_;
  const Inputs input_ = {at::randn({5, kLayerWidth})};
  const std::filesystem::path path_;
  const c10::IValue expected_ = StockAnswer(path_, input_);
};

/// Bit by bit: tensors, and tuples and lists of them.
bool IsSame(const c10::IValue& a, const c10::IValue& b);

Result<std::shared_ptr<StreamedModule>> TryLoad(ReadScheduler& scheduler,
                                                const std::filesystem::path& path,
                                                LoadOptions options = {},
                                                MemoryMode memory = MemoryMode::kKeep);
/// The same; throws its error.
std::shared_ptr<StreamedModule> LoadModel(ReadScheduler& scheduler,
                                          const std::filesystem::path& path,
                                          LoadOptions options = {},
                                          MemoryMode memory = MemoryMode::kKeep);
/// The answer, or why there is none. What else is thrown passes.
Result<c10::IValue> TryAnswer(StreamedModule& streamed, Inputs inputs,
                              const CancelToken& cancel = CancelToken());
/// Both, one after the other.
Result<c10::IValue> TryModel(ReadScheduler& scheduler, const std::filesystem::path& path,
                             Inputs inputs, LoadOptions options = {});

/// "right", "wrong", or the error with its code.
std::string Verdict(const Result<c10::IValue>& answer, const c10::IValue& expected);

}  // namespace raceway::engine::load::testing
