#pragma once

#include <c10/core/ScalarType.h>
#include <c10/core/Storage.h>
#include <torch/csrc/jit/api/module.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/load/arena.h"
#include "engine/load/weight_map.h"

namespace raceway::engine::load {

/// The storages that tensors have, by those that they should have.
using OtherStorages = std::unordered_map<const c10::StorageImpl*, c10::Storage>;

/// Memory for weights in another floating type than their file has, filled as they arrive: neither
/// do all of them have to be there first, nor are they in memory twice.
///
/// Threads  any, for different storages
class WeightCast {
 public:
  /// Input    storages   those that are read, by number
  ///          takes_all  those that stay as they are have their places here, too
  WeightCast(std::span<const Storage* const> storages, c10::ScalarType dtype, bool takes_all);

  /// Of the memory that it wants, in bytes.
  uint64_t size() const { return size_; }
  /// Has to be called once, before `data` and `Apply`.
  void Use(std::shared_ptr<Arena> arena);

  bool Casts(int32_t storage) const { return target(storage).casts; }
  bool Takes(int32_t storage) const { return target(storage).is_taken; }
  /// Of a storage that it takes: elements keep their places.
  std::byte* data(int32_t storage) const { return arena_->data() + target(storage).offset; }
  uint64_t num_bytes(int32_t storage) const { return target(storage).num_bytes; }

  /// Writes a storage, as `at::Tensor::to` does. False if it does not take it. For `LoadOptions`.
  bool Apply(int32_t storage, const std::byte* bytes) const;

 private:
  struct Target {
    bool is_taken = false;
    bool casts = false;
    c10::ScalarType from = c10::ScalarType::Undefined;
    int64_t num_elements = 0;
    uint64_t offset = 0;  // in the arena, of a page
    uint64_t num_bytes = 0;
  };
  const Target& target(int32_t storage) const { return targets_[static_cast<size_t>(storage)]; }

  const c10::ScalarType dtype_;
  std::vector<Target> targets_;
  uint64_t size_ = 0;
  std::shared_ptr<Arena> arena_;
};

/// Whether the parameters and buffers on a storage become `dtype`: floats do that are not, and no
/// constants of the code.
bool IsCast(const Storage& storage, c10::ScalarType dtype);

/// A storage in another floating type.
c10::Storage CastStorage(const c10::Storage& storage, ScalarType from, c10::ScalarType dtype);

bool HasTensorOn(const c10::IValue& value, const OtherStorages& storages);

/// Floating parameters and buffers of a module that lie on one of these storages lie on the other
/// one from now on, as `dtype`. Those that share a storage still do.
///
/// Output   false if other tensors of the module lie there as well: in lists, in other objects
bool MoveWeights(torch::jit::Module& module, const OtherStorages& storages, c10::ScalarType dtype);

/// Floating parameters and buffers as `dtype`, all of which are there. (`Module::to` would turn
/// integers, too.)
void CastWeights(torch::jit::Module& module, c10::ScalarType dtype);

}  // namespace raceway::engine::load
