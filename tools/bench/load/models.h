#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace raceway::bench {

enum class ModelKind : uint8_t { kResNet, kVgg, kOpt, kLlama, kMiniLm, kEfficientNet };

/// A model that tools/models/load_models.py writes.
struct LoadModel {
  std::string name;  // "vgg11-bf16"
  ModelKind kind;
  bool is_bf16;
  std::filesystem::path path;
  uint64_t num_bytes;  // of the file; nearly all of it weights
};

/// The names of all that there may be.
std::vector<std::string> ModelNames();

/// Ends the bench with 2 for a name that is unknown, with 4 and the command that makes them if some
/// are missing.
std::vector<LoadModel> ModelsNamed(const std::vector<std::string>& names);

/// What a request brings, batch 1, as in the paper: an image f32[1, 3, 224, 224], 128 tokens for a
/// LLaMA, 10 for an OPT. The same in each call.
std::vector<c10::IValue> InputsOf(const LoadModel& model);

}  // namespace raceway::bench
