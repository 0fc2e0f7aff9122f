#include "engine/load/placeholders.h"

#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "engine/load/crc.h"
#include "engine/load/random_file.h"

namespace raceway::engine::load {

namespace {

c10::Storage CopyOf(const std::string& bytes) {
  c10::DataPtr memory = c10::GetAllocator(c10::DeviceType::CPU)->allocate(bytes.size());
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(memory.get()));
  return MakeStorage(bytes.size(), std::move(memory));
}

}  // namespace

Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage) {
  const Result<std::string> bytes = archive.Read(storage.name, storage.extent.size);
  if (!bytes) return bytes.error();
  return CopyOf(*bytes);
}

Result<c10::Storage> ReadNow(const ModelFile& file, const Extent& extent) {
  const Result<RandomFile> same = RandomFile::Of(file.cached_fd(), file.path());
  if (!same) return same.error();
  const Result<std::string> bytes = same->Read(extent.offset, extent.size);
  if (!bytes) return bytes.error();
  if (extent.crc32 && Crc32(std::as_bytes(std::span(*bytes))) != *extent.crc32) {
    return same->Wrong(ErrorCode::kFailed, "wrong checksum", {}, extent.offset);
  }
  return CopyOf(*bytes);
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

c10::Storage OnDevice(c10::Storage storage, c10::Device device) {
  if (device.is_cpu()) return storage;
  return at::empty({0}, at::kByte).set_(std::move(storage)).to(device).storage();
}

c10::Storage StorageOn(std::byte* bytes, uint64_t num_bytes, std::shared_ptr<const void> owner) {
  return MakeStorage(num_bytes, MemoryOf(bytes, std::move(owner)));
}

c10::Storage StorageOf(const LoadJob& job, int32_t number) {
  return StorageOn(job.data(number), job.num_bytes(number), job.arena(number));
}

at::Tensor TensorOn(const c10::Storage& storage, const Tensor& tensor) {
  const auto dtype = static_cast<c10::ScalarType>(tensor.dtype);
  return at::empty({0}, at::TensorOptions(dtype))
      .set_(storage, static_cast<int64_t>(tensor.offset), tensor.sizes, tensor.strides);
}

void Add(Placeholders& placeholders, const std::string& record, c10::Storage storage) {
  const size_t slash = record.find('/');
  auto& part = record.starts_with("constants/") ? placeholders.constants : placeholders.data;
  part.emplace(record.substr(slash + 1), std::move(storage));
}

}  // namespace raceway::engine::load
