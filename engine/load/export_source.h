#pragma once

#include "engine/load/archive.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The weights, buffers and constants of an archive of `torch.export.save`, under their names in
/// the program. They are raw bytes; nothing in C++ runs the program, so they are weights for the
/// structure of another file.
///
/// Errors   Unsupported for tensors that are pickled, sparse or of a size that is no number;
///          InvalidArgument for what does not describe its records, with record and tensor
Result<WeightMap> ReadExported(const Archive& archive);

}  // namespace raceway::engine::load
