#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/check/steps.h"

namespace raceway::compiler {

/// Whether something is to happen to rows for which `step` fails or takes too long: `rescue`, or
/// `timeout` and `on_error` of `map`.
bool IsGuarded(const ast::Step& step, const StepScope& scope);

/// Checks a step on the rows that come to it; null after a mistake (reported).
using StepChecker =
    std::function<std::optional<std::vector<Table>>(const ast::Step& step, const Table& rows)>;

/// The rule of a guarded step. `check` is called with `step` itself for what is guarded, and with
/// the step behind its `rescue`.
std::optional<Table> CheckGuarded(const ast::Step& step, const Table& input, const StepScope& scope,
                                  const StepChecker& check);

}  // namespace raceway::compiler
