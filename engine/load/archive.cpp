#include "engine/load/archive.h"

#include <utility>

namespace raceway::engine::load {

Result<Archive> Archive::Open(const std::filesystem::path& path) {
  Result<RandomFile> file = RandomFile::Open(path);
  if (!file.ok()) return std::move(file).error();
  return Open(*std::move(file));
}

Result<Archive> Archive::Open(RandomFile file) {
  Result<ZipDirectory> directory = ZipDirectory::Read(file);
  if (!directory.ok()) return std::move(directory).error();
  if (directory->records().empty()) {
    return file.Wrong(ErrorCode::kInvalidArgument, "is an empty archive");
  }
  const std::string& first = directory->records().front().name;
  const std::string folder = first.substr(0, first.find('/') + 1);
  for (const ZipRecord& record : directory->records()) {
    if (!folder.empty() && record.name.starts_with(folder)) continue;
    return file.Wrong(ErrorCode::kInvalidArgument,
                      "lies in another folder than others; PyTorch's archives have one",
                      record.name);
  }
  return Archive(std::move(file), *std::move(directory), folder);
}

Result<std::string> Archive::Read(std::string_view name, uint64_t max_bytes) const {
  const ZipRecord* record = Find(name);
  if (record != nullptr) return ReadRecord(file_, *record, max_bytes);
  return file_.Wrong(ErrorCode::kInvalidArgument, "is not there", folder_ + std::string(name));
}

Result<std::string> Archive::Unpack(std::string_view name, uint64_t max_bytes) const {
  const ZipRecord* record = Find(name);
  if (record != nullptr) return UnpackRecord(file_, *record, max_bytes);
  return file_.Wrong(ErrorCode::kInvalidArgument, "is not there", folder_ + std::string(name));
}

Extent Archive::ExtentOf(const ZipRecord& record, size_t storage, int32_t file) const {
  return {static_cast<int32_t>(storage), file, file_.begin() + record.data_offset, record.size,
          record.checksum()};
}

}  // namespace raceway::engine::load
