#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "engine/result.h"

namespace raceway::operators {

/// The device that a plan calls "cpu", "cuda" or "cuda:1". The first that is no CPU opens
/// LibTorch's library for it.
///
/// Errors   Unsupported for another name, Unavailable where this machine has no such device
/// Threads  any
engine::Result<c10::Device> FindDevice(const std::string& name);

/// The first of `names` that this machine has.
///
/// Errors   those of the last, if it has none
/// Threads  any
engine::Result<std::string> FirstDevice(const std::vector<std::string>& names);

}  // namespace raceway::operators
