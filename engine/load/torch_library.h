#pragma once

#include <string>

#include "engine/result.h"

namespace raceway::engine::load {

/// Opens a library that lies beside the LibTorch of this process, for all to see: "libtorch.so".
///
/// Errors   Unavailable, with the loader's own words
Status OpenTorchLibrary(const std::string& name);

}  // namespace raceway::engine::load
