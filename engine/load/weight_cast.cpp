#include "engine/load/weight_cast.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace raceway::engine::load {
namespace {

// Less than what LibTorch gives to several threads: those that read need none of their own.
constexpr int64_t kPiece = 30 << 10;  // elements

void Convert(const std::byte* bytes, c10::ScalarType from, std::byte* target, c10::ScalarType to,
             int64_t num_elements) {
  const c10::InferenceMode inference;
  const at::Tensor source = at::from_blob(const_cast<std::byte*>(bytes), {num_elements}, from);
  const at::Tensor copy = at::from_blob(target, {num_elements}, to);
  for (int64_t begin = 0; begin < num_elements; begin += kPiece) {
    const int64_t count = std::min(kPiece, num_elements - begin);
    copy.narrow(0, begin, count).copy_(source.narrow(0, begin, count));
  }
}

template <typename Function>
void ForEachWeight(const torch::jit::Module& module, const Function& function) {
  for (const at::Tensor& tensor : module.parameters()) function(tensor);
  for (const at::Tensor& tensor : module.buffers()) function(tensor);
}

bool LiesOn(const at::Tensor& tensor, const OtherStorages& storages) {
  return tensor.defined() && tensor.has_storage() &&
         storages.contains(tensor.storage().unsafeGetStorageImpl());
}

}  // namespace

bool IsCast(const Storage& storage, c10::ScalarType dtype) {
  const auto type = static_cast<c10::ScalarType>(storage.dtype);
  return c10::isFloatingType(type) && type != dtype && !storage.is_constant();
}

WeightCast::WeightCast(std::span<const Storage* const> storages, c10::ScalarType dtype,
                       bool takes_all)
    : dtype_(dtype), targets_(storages.size()) {
  for (size_t i = 0; i < storages.size(); ++i) {
    const Storage& storage = *storages[i];
    const bool casts = IsCast(storage, dtype);
    if (!casts && !takes_all) continue;
    const uint64_t count = storage.extent.size / SizeOf(storage.dtype);
    const uint64_t num_bytes = casts ? count * c10::elementSize(dtype) : storage.extent.size;
    targets_[i] = {
        true,  casts,    static_cast<c10::ScalarType>(storage.dtype), static_cast<int64_t>(count),
        size_, num_bytes};
    size_ += RoundUp(num_bytes);
  }
}

void WeightCast::Use(std::shared_ptr<Arena> arena) {
  arena_ = std::move(arena);
  arena_->UseHugePages(0, size_);
}

bool WeightCast::Apply(int32_t storage, const std::byte* bytes) const {
  const Target& to = target(storage);
  if (!to.is_taken) return false;
  std::byte* const memory = arena_->target() + to.offset;
  if (to.casts) {
    Convert(bytes, to.from, memory, dtype_, to.num_elements);
  } else {
    std::memcpy(memory, bytes, to.num_bytes);
  }
  arena_->Publish(to.offset, to.num_bytes);
  return true;
}

c10::Storage CastStorage(const c10::Storage& storage, ScalarType from, c10::ScalarType dtype) {
  const auto count = storage.nbytes() / SizeOf(from);
  const size_t num_bytes = count * c10::elementSize(dtype);
  c10::DataPtr memory = c10::GetCPUAllocator()->allocate(num_bytes);
  Convert(static_cast<const std::byte*>(storage.data()), static_cast<c10::ScalarType>(from),
          static_cast<std::byte*>(memory.get()), dtype, static_cast<int64_t>(count));
  return c10::Storage(c10::Storage::use_byte_size_t(), num_bytes, std::move(memory), nullptr,
                      /*resizable=*/false);
}

bool HasTensorOn(const c10::IValue& value, const OtherStorages& storages) {
  bool found = false;
  value.visit([&](const c10::IValue& inner) {
    found = found || (inner.isTensor() && LiesOn(inner.toTensor(), storages));
    return found;
  });
  return found;
}

bool MoveWeights(torch::jit::Module& module, const OtherStorages& storages, c10::ScalarType dtype) {
  ForEachWeight(module, [&](at::Tensor tensor) {
    if (!LiesOn(tensor, storages)) return;
    at::Tensor moved = at::empty({0}, tensor.options().dtype(dtype));
    moved.set_(storages.at(tensor.storage().unsafeGetStorageImpl()), tensor.storage_offset(),
               tensor.sizes(), tensor.strides());
    tensor.set_data(moved);
  });
  return !HasTensorOn(module._ivalue(), storages);
}

void CastWeights(torch::jit::Module& module, c10::ScalarType dtype) {
  ForEachWeight(module, [&](at::Tensor tensor) {
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(dtype));
  });
}

}  // namespace raceway::engine::load
