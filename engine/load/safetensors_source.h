#pragma once

#include <filesystem>

#include "engine/load/random_file.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The weights in a safetensors file, or in the files that an index (`…safetensors.index.json`)
/// lists; content decides. Weights only: they are bound to a model by their names. Each tensor has
/// a storage of its own, without checksum; a file has as many bytes as its tensors, no more.
///
/// Limits   100 MB of header, as safetensors itself; 64 MiB of index
/// Errors   InvalidArgument for a header that does not describe its file (ranges that overlap, have
///          gaps between them or pass the end, sizes that are not theirs, names that are there
///          twice) and for an index that names what is not there or lies elsewhere; Unsupported for
///          elements of less than a byte; Unavailable for a file that cannot be read
/// Source   https://github.com/huggingface/safetensors, format and its validation
Result<WeightMap> ReadSafetensors(const std::filesystem::path& path);
/// The same of files that `open` opens.
Result<WeightMap> ReadSafetensors(const std::filesystem::path& path, const FileOpener& open);

}  // namespace raceway::engine::load
