#pragma once

#include <filesystem>
#include <string>

#include "engine/load/aoti_source.h"
#include "engine/load/archive.h"
#include "engine/load/export_source.h"
#include "engine/load/safetensors_source.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/weight_map.h"

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

/// Whether all that a map says lies in its files; else what does not.
inline std::string Broken(const WeightMap& map) {
  for (size_t i = 0; i < map.storages.size(); ++i) {
    const Extent& extent = map.storages[i].extent;
    const uint64_t size =
        std::filesystem::file_size(map.files.at(static_cast<size_t>(extent.file)));
    if (extent.storage != static_cast<int32_t>(i)) return "a storage of another number";
    if (extent.offset > size || extent.size > size - extent.offset) return "a storage past the end";
  }
  for (const Tensor& tensor : map.tensors) {
    if (tensor.storage >= map.storages.size()) return "a tensor without storage";
    if (!CheckWithin(tensor, map.storages[tensor.storage].extent.size)) return "a tensor too large";
  }
  return {};
}

/// What is wrong with how sources take a file; empty if nothing is. Errors have `named` in them.
inline std::string Fault(const std::filesystem::path& path, const std::string& named) {
  for (const auto& read : kSources) {
    const Result<WeightMap> map = read(path);
    const std::string fault = map.ok() ? Broken(*map)
                              : map.error().message.find(named) == std::string::npos
                                  ? "no file in: " + map.error().message
                                  : "";
    if (!fault.empty()) return fault;
  }
  return {};
}

}  // namespace raceway::engine::load::testing
