#pragma once

#include <filesystem>
#include <vector>

#include "engine/load/random_file.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The weights in a file that has nothing else, by their names: an archive of `torch.export.save`,
/// a safetensors file, or the index of several. `open` opens it, and those that it lists.
///
/// Errors   as `ReadExported` or `ReadSafetensors`, whichever it looks like
Result<WeightMap> ReadWeightsFile(const std::filesystem::path& path,
                                  const FileOpener& open = &RandomFile::Open);

/// A structure whose weights lie in other files.
struct OtherWeights {
  WeightMap map;                // `files`: those of the structure, then the others
  std::vector<bool> is_theirs;  // by tensor: its bytes are in the others
};

/// The weights of `structure` with the bytes of `others`, by their names. What these lack keeps its
/// place in the structure's file: constants of code and what else is no parameter. Of tied weights
/// one name is enough.
///
/// Errors   InvalidArgument, which names them, for weights that the structure does not have, has in
///          another type or shape, or as a part of something larger; for tied ones that are there
///          twice
Result<OtherWeights> WithOtherWeights(WeightMap structure, const WeightMap& others);

}  // namespace raceway::engine::load
