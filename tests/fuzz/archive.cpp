// The sources of weights: whatever a file is, an error that names it or a map that lies within it.
// Its parts are tried on their own as well, since a checksum rarely survives a change.
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "engine/load/aoti_source.h"
#include "engine/load/archive.h"
#include "engine/load/export_source.h"
#include "engine/load/pickle.h"
#include "engine/load/safetensors_header.h"
#include "engine/load/safetensors_source.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/use_order.h"
#include "tests/fuzz/target.h"

namespace raceway::fuzz {
namespace {

using engine::Result;
using engine::load::Archive;
using engine::load::WeightMap;

/// A file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& bytes) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    is_whole_ =
        ::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;

  bool is_whole() const { return is_whole_; }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
  bool is_whole_;
};

std::string Fault(const Result<WeightMap>& map, const std::string& name, uint64_t size) {
  if (!map.ok()) {
    return map.error().message.find(name) == std::string::npos ? "an error without its file" : "";
  }
  for (const engine::load::Storage& storage : map->storages) {
    const engine::load::Extent& extent = storage.extent;
    if (extent.offset > size || extent.size > size - extent.offset) return "past the end";
  }
  for (const engine::load::Tensor& tensor : map->tensors) {
    if (tensor.storage >= map->storages.size()) return "a tensor without storage";
    if (!CheckWithin(tensor, map->storages[tensor.storage].extent.size)) return "a large tensor";
  }
  return {};
}

Result<WeightMap> WeightsOfPackage(const Archive& archive) {
  Result<engine::load::AotiPackage> package = ReadAotiPackage(archive);
  if (!package.ok()) return std::move(package).error();
  return std::move(package->weights);
}

}  // namespace

const std::string_view kTarget = "archive";

std::string Try(const std::string& text) {
  (void)engine::load::ReadPickle(text);
  (void)engine::load::ParseSafetensorsHeader(text);
  (void)engine::load::ConstantsOfWrapper(text);
  const MemoryFile file(text);
  if (!file.is_whole()) return "no memory for the file";
  const std::string name = file.path().string();
  std::string fault = Fault(engine::load::ReadSafetensors(name), name, text.size());
  const Result<Archive> archive = Archive::Open(name);
  if (!archive.ok()) return fault.empty() ? Fault(archive.error(), name, text.size()) : fault;
  (void)RecordedOrder(*archive);
  for (const auto read : {&engine::load::ReadTorchScript, &engine::load::ReadSavedTensor,
                          &engine::load::ReadExported, &WeightsOfPackage}) {
    if (fault.empty()) fault = Fault(read(*archive), name, text.size());
  }
  return fault;
}

}  // namespace raceway::fuzz
