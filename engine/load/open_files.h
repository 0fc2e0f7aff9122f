#pragma once

#include <filesystem>
#include <map>
#include <memory>

#include "engine/load/model_file.h"
#include "engine/load/random_file.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The files of one model, each opened once, whoever asks for it and however often: its name may be
/// another file's by then, and the directory of one goes with no weights of another.
///
/// Threads  one at a time
class OpenFiles {
 public:
  /// For weights that are read in the background.
  ///
  /// Errors   as `ModelFile::Open`
  Result<std::shared_ptr<ModelFile>> Find(const std::filesystem::path& path);
  /// For who looks through it.
  ///
  /// Errors   as `ModelFile::Open`
  Result<RandomFile> Look(const std::filesystem::path& path);
  /// Errors   Failed for one that was written into since it was opened
  Status CheckUnchanged() const;

 private:
  std::map<std::filesystem::path, std::shared_ptr<ModelFile>> files_;
};

}  // namespace raceway::engine::load
