#pragma once

#include <string>
#include <vector>

#include "dsl/ast.h"
#include "dsl/source.h"

namespace raceway::compiler {

/// A step of a flow as the text has it.
struct FlowStep {
  std::string kind;             // "map.big", "filter", "union"; empty for a table with hints
  dsl::SourceRange name;        // where it is named
  const dsl::ast::Block* with;  // its hints, or null
};

/// Every step of a flow in the order of the text, those inside arguments and branches too.
std::vector<FlowStep> StepsOf(const dsl::ast::FlowDecl& flow);

/// How the steps are addressed: their kind, and from the second of a kind on its number
/// (`map.big`, `map.big#2`).
std::vector<std::string> AddressesOf(const std::vector<FlowStep>& steps);

}  // namespace raceway::compiler
