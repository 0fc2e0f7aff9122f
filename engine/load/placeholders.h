#pragma once

#include <c10/core/Storage.h>
#include <caffe2/serialize/read_adapter_interface.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/load_job.h"
#include "engine/load/random_file.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace torch::jit {
struct Module;
}

/// From the weights that an archive has to the storages that its module is made on.
namespace raceway::engine::load {

/// The file of an archive, for LibTorch's reader.
class ArchiveFile final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit ArchiveFile(RandomFile file) : file_(std::move(file)) {}

  size_t size() const override { return file_.size(); }
  size_t read(uint64_t offset, void* to, size_t num_bytes, const char* what) const override;

 private:
  RandomFile file_;
};

/// Whether a storage is read at once: little ones, and those that the structure needs.
inline bool IsEarly(const Storage& storage) { return storage.is_small() || storage.is_read_early; }

/// Errors   as `Archive::Read`
Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage);

/// On memory that lives as long as the storage.
c10::Storage StorageOn(std::byte* bytes, uint64_t num_bytes, std::shared_ptr<const void> owner);
/// On the arena.
c10::Storage StorageOf(const LoadJob& job, int32_t number);

/// `record` as a `Storage` names it: "data/0".
void Add(Placeholders& placeholders, const std::string& record, c10::Storage storage);

/// Whether one of its methods starts threads, which no gate sees.
bool Forks(const torch::jit::Module& module);

}  // namespace raceway::engine::load
