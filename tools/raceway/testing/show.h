#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/ast.h"
#include "engine/value.h"
#include "tools/raceway/testing/evaluate.h"

/// The values of a test for people.
namespace raceway::tools {

/// As a flow would write it, long ones cut short: `{ id: 1, logits: [0.0, 1.0, … 1000 in all] }`.
std::string Show(const engine::Value& value);

/// A table as the list of records that a test would write, or nothing where that is no text to be
/// read: bytes, long tensors, NaN.
std::optional<std::string> ShowRows(const engine::Value& table);

/// What of a condition that is false is to blame: of `a and b` the half that does not hold.
const dsl::ast::Expr& Culprit(const dsl::ast::Expr& condition, const TestNames& names);

/// The parts of a condition that are no literals, and what they are.
std::vector<std::pair<std::string, std::string>> PartsOf(const dsl::ast::Expr& condition,
                                                         const TestNames& names);

/// Where two tables or rows that should be the same differ, a line each, the first 20.
std::vector<std::string> DifferencesOf(const engine::Value& found, const engine::Value& expected);

}  // namespace raceway::tools
