#pragma once

#include <filesystem>

#include "engine/load/aoti_source.h"
#include "engine/load/archive.h"
#include "engine/load/export_source.h"
#include "engine/load/safetensors_source.h"
#include "engine/load/torchscript_source.h"

namespace raceway::engine::load::testing {

using ReadArchive = Result<WeightMap> (*)(const Archive&);

template <ReadArchive read>
Result<WeightMap> ReadWeightsOf(const std::filesystem::path& path) {
  const Result<Archive> archive = Archive::Open(path);
  return archive.ok() ? read(*archive) : archive.error();
}

inline Result<WeightMap> ReadPackage(const Archive& archive) {
  Result<AotiPackage> package = ReadAotiPackage(archive);
  return package.ok() ? Result<WeightMap>(std::move(package->weights)) : package.error();
}

/// All sources: for each file one takes it, or none.
inline constexpr Result<WeightMap> (*kSources[])(const std::filesystem::path&) = {
    &ReadWeightsOf<&ReadTorchScript>, &ReadWeightsOf<&ReadSavedTensor>,
    &ReadWeightsOf<&ReadExported>, &ReadWeightsOf<&ReadPackage>, &ReadSafetensors};

}  // namespace raceway::engine::load::testing
