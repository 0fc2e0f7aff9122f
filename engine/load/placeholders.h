#pragma once

#include <ATen/core/TensorBody.h>
#include <c10/core/Allocator.h>
#include <c10/core/Storage.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/load/archive.h"
#include "engine/load/load_job.h"
#include "engine/load/model_file.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

/// From the weights that an archive has to the storages that its module is made on.
namespace raceway::engine::load {

/// Whether a storage is read at once: little ones, and those that the structure needs.
inline bool IsEarly(const Storage& storage) { return storage.is_small() || storage.is_read_early; }

/// Errors   as `Archive::Read`
Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage);
/// On a device, by a copy that the host waits for. Throws what LibTorch throws.
c10::Storage OnDevice(c10::Storage storage, c10::Device device);

/// The same of bytes in any file.
///
/// Errors   Unavailable, InvalidArgument as `RandomFile::Read`; Failed for a wrong checksum
Result<c10::Storage> ReadNow(const ModelFile& file, const Extent& extent);

/// Of that size; without memory if none is given.
c10::Storage MakeStorage(uint64_t num_bytes, c10::DataPtr memory = {});
/// Memory that lives as long as this pointer.
c10::DataPtr MemoryOf(std::byte* bytes, std::shared_ptr<const void> owner);
/// On memory that lives as long as the storage.
c10::Storage StorageOn(std::byte* bytes, uint64_t num_bytes, std::shared_ptr<const void> owner);
/// On the arena.
c10::Storage StorageOf(const LoadJob& job, int32_t number);

/// The tensor that a file describes, over its storage.
at::Tensor TensorOn(const c10::Storage& storage, const Tensor& tensor);

/// `record` as a `Storage` names it: "data/0".
void Add(Placeholders& placeholders, const std::string& record, c10::Storage storage);

}  // namespace raceway::engine::load
