#pragma once

#include <string>

#include "engine/result.h"

namespace raceway::tools {

/// What Graphviz's `dot` makes of a graph.
///
/// Errors   Unavailable if there is no `dot` on the PATH, or it fails
engine::Result<std::string> DrawSvg(const std::string& graph);

}  // namespace raceway::tools
