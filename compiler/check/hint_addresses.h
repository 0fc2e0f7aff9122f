#pragma once

#include <string>
#include <vector>

#include "compiler/check/declarations.h"

namespace raceway::compiler {

/// `--hint ADDRESS=VALUE`: puts each hint into the table of the file whose flow it addresses, among
/// those that `main`, the main file, declares or imports. An address is `flow/step.hint.member`, or
/// `flow.hint.member` for the flow as a whole; `step` is `map.big` or `filter`, `map.big#2` for the
/// second of its kind in the flow's text. Hints that no part of the engine honours yet are noted at
/// what they address.
///
/// Returns what is wrong with the first that is wrong, or the empty string
std::string AddressHints(const std::vector<std::string>& hints, Declarations& main,
                         dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
