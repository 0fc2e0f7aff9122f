#pragma once

#include <ATen/core/TensorBody.h>

#include <string>

#include "engine/result.h"

namespace raceway::engine {

/// An array as NumPy saves it: versions 1 to 3, C order, little-endian, bool or number.
///
/// Errors   InvalidArgument, to be read after the file's name
Result<at::Tensor> ParseNpy(const std::string& bytes);

}  // namespace raceway::engine
