#pragma once

#include <string>
#include <vector>

namespace raceway::tools {

/// One SARIF log with what is in `logs`, each of one run by `dsl::RenderSarif`: code hosts take one
/// run of a tool. What two logs have is there once.
std::string MergeSarif(const std::vector<std::string>& logs);

}  // namespace raceway::tools
