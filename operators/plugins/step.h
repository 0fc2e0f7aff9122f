#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Calls a function of a user's library (`operators/plugin.h`).
///
/// Options  `library`, a path; `sha256` of what is in it, which says that the compiler has tried it
///          in another process; `function`, `settings` as of `native`
/// Input    the columns that `step.arguments` names, in the order of the signature
/// Output   the same rows, with the columns that `step.results` defines
/// Errors   as `native`; Unavailable for a library that is missing or has changed, Unsupported for
///          one of another version
engine::Result<engine::AnyOperator> MakePlugin(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
