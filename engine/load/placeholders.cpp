#include "engine/load/placeholders.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace raceway::engine::load {

Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage) {
  Result<std::string> bytes = archive.Read(storage.name, storage.extent.size);
  if (!bytes) return std::move(bytes).error();
  c10::DataPtr memory = c10::GetAllocator(c10::DeviceType::CPU)->allocate(bytes->size());
  std::copy(bytes->begin(), bytes->end(), static_cast<char*>(memory.get()));
  return MakeStorage(bytes->size(), std::move(memory));
}

c10::Storage MakeStorage(uint64_t num_bytes, c10::DataPtr memory) {
  return c10::Storage(c10::Storage::use_byte_size_t(), static_cast<int64_t>(num_bytes),
                      std::move(memory), nullptr, /*resizable=*/false);
}

c10::DataPtr MemoryOf(std::byte* bytes, std::shared_ptr<const void> owner) {
  using Owner = std::shared_ptr<const void>;
  return {bytes, new Owner(std::move(owner)), [](void* held) { delete static_cast<Owner*>(held); },
          c10::Device(c10::DeviceType::CPU)};
}

c10::Storage StorageOn(std::byte* bytes, uint64_t num_bytes, std::shared_ptr<const void> owner) {
  return MakeStorage(num_bytes, MemoryOf(bytes, std::move(owner)));
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
