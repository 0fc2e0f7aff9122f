#include "engine/load/placeholders.h"

#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>

#include <cstring>
#include <memory>
#include <utility>

namespace raceway::engine::load {

Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage) {
  Result<std::string> bytes = archive.Read(storage.name, storage.extent.size);
  if (!bytes) return std::move(bytes).error();
  c10::DataPtr memory = c10::GetAllocator(c10::DeviceType::CPU)->allocate(bytes->size());
  if (!bytes->empty()) std::memcpy(memory.get(), bytes->data(), bytes->size());
  return c10::Storage(c10::Storage::use_byte_size_t(), bytes->size(), std::move(memory), nullptr,
                      /*resizable=*/false);
}

c10::Storage OnDevice(c10::Storage storage, c10::Device device) {
  if (device.is_cpu()) return storage;
  return at::empty({0}, at::kByte).set_(std::move(storage)).to(device).storage();
}

c10::Storage StorageOn(std::byte* bytes, uint64_t num_bytes, std::shared_ptr<const void> owner) {
  using Owner = std::shared_ptr<const void>;
  c10::DataPtr memory(
      bytes, new Owner(std::move(owner)), [](void* held) { delete static_cast<Owner*>(held); },
      c10::Device(c10::DeviceType::CPU));
  return c10::Storage(c10::Storage::use_byte_size_t(), num_bytes, std::move(memory), nullptr,
                      /*resizable=*/false);
}

c10::Storage StorageOf(const LoadJob& job, int32_t number) {
  return StorageOn(job.data(number), job.num_bytes(number), job.arena(number));
}

void Add(Placeholders& placeholders, const std::string& record, c10::Storage storage) {
  const size_t slash = record.find('/');
  auto& part = record.starts_with("constants/") ? placeholders.constants : placeholders.data;
  part.emplace(record.substr(slash + 1), std::move(storage));
}

}  // namespace raceway::engine::load
