#pragma once

#include <filesystem>
#include <memory>

#include "engine/load/archive.h"
#include "engine/load/model_file.h"
#include "engine/load/open_files.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// A TorchScript file and what its archive says of the weights in it.
struct OpenedModel {
  std::shared_ptr<ModelFile> file;
  Archive archive;  // of the same open file, whatever has its name by now
  WeightMap weights;
};

/// No weight is read. The file is among `files` afterwards.
///
/// Errors   those of `ModelFile::Open`, `Archive::Open` and `ReadTorchScript`
Result<OpenedModel> OpenModel(const std::filesystem::path& path, OpenFiles& files);

}  // namespace raceway::engine::load
