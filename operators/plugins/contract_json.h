#pragma once

#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/result.h"

namespace raceway::operators {

/// What a process that looked into a library tells the one that asked for it: the contracts, or why
/// there are none. One line.
std::string ContractsAsJson(const engine::Result<std::vector<engine::FunctionContract>>& contracts);

/// The reverse.
///
/// Errors   those that were told; Internal for text that `ContractsAsJson` does not make
engine::Result<std::vector<engine::FunctionContract>> ContractsFromJson(const std::string& text);

}  // namespace raceway::operators
