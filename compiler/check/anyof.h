#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/check/steps.h"

namespace raceway::compiler {

/// Checks a chain of steps on the rows that come to it; null after a mistake (reported).
using ChainChecker = std::function<std::optional<std::vector<Table>>(
    const std::vector<ast::Step>& chain, const Table& rows)>;

/// The rule of `anyof(within: …, accept: …, winner: …) { name => chain, …, else => chain }`.
std::optional<Table> CheckAnyof(const ast::Step& step, const Table& input, const StepScope& scope,
                                const ChainChecker& check);

}  // namespace raceway::compiler
