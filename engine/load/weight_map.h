#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/load/extent.h"
#include "engine/load/scalar_type.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Smaller ones are read while the structure is made: they are cheap, and in the way otherwise.
inline constexpr uint64_t kSmallBytes = 4096;

/// Bytes that one or more tensors look at: what a file has once, memory has once.
struct Storage {
  std::string name;  // of its record, "data/17"; of its tensor where a file has no records
  ScalarType dtype = ScalarType::kU8;  // of the tensor that names it first
  Extent extent = {};                  // where its bytes are
  bool is_read_early = false;          // by code that runs while the structure is made

  bool is_small() const { return extent.size < kSmallBytes; }
  /// Of TorchScript: a weight of a frozen module, which lies in its code.
  bool is_constant() const { return name.starts_with("constants/"); }
};

/// A tensor over a storage.
struct Tensor {
  std::string name;    // the attributes on the way to it: "encoder.layer.0.weight"
  size_t storage = 0;  // index
  ScalarType dtype = ScalarType::kF32;
  uint64_t offset = 0;  // in elements
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  // in elements, ≥ 0
  bool is_quantized = false;     // its scale and zero point stand with the structure
};

/// What a source says of the weights in its files, before any of them is read. Several tensors may
/// have one storage: tied weights, slices, transposes.
struct WeightMap {
  std::vector<std::filesystem::path> files;
  std::vector<Storage> storages;
  std::vector<Tensor> tensors;
};

/// How many elements it has.
///
/// Errors   InvalidArgument for a negative size, or more than 2^63 - 1
Result<uint64_t> NumElements(const std::vector<int64_t>& sizes);

/// Whether a tensor lies within `num_bytes` of storage. The message does not name it.
///
/// Errors   InvalidArgument
Status CheckWithin(const Tensor& tensor, uint64_t num_bytes);

/// The strides of a tensor whose rows follow one another.
std::vector<int64_t> DenseStrides(const std::vector<int64_t>& sizes);

}  // namespace raceway::engine::load
