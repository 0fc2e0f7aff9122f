#include "engine/load/open_files.h"

#include <utility>

namespace raceway::engine::load {

Result<std::shared_ptr<ModelFile>> OpenFiles::Find(const std::filesystem::path& path) {
  if (const auto found = files_.find(path); found != files_.end()) return found->second;
  Result<std::shared_ptr<ModelFile>> file = ModelFile::Open(path.string());
  if (file) files_.emplace(path, *file);
  return file;
}

Result<RandomFile> OpenFiles::Look(const std::filesystem::path& path) {
  const Result<std::shared_ptr<ModelFile>> file = Find(path);
  if (!file) return file.error();
  return RandomFile::Of((*file)->cached_fd(), path);
}

Status OpenFiles::CheckUnchanged() const {
  for (const auto& [path, file] : files_) {
    if (Status unchanged = file->CheckUnchanged(); !unchanged) return unchanged;
  }
  return Done{};
}

}  // namespace raceway::engine::load
