#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// σ c (f(t))  ⇒  f(σ c (t))   when f keeps the rows, defines nothing that c reads, and computes.
///
/// Saves the work of f for rows that go anyway: calls of models and functions, `derive`, `sort`. On
/// the way there a filter also passes other filters, `select` and `omit`.
///
/// An error that f would have had for a row that goes is not seen; no request meets an error that
/// would have had none: a condition that can fail (`CanFail`) is asked of the same rows, so it
/// passes only steps that take out none, since a `filter` or a lookup with `miss: drop` before it
/// may be there to guard it. A request with errors of both ends with that of the condition.
///
/// Checks of sizes stay: they take out no row. Stops at unions, joins, splits, `limit`, `explode`,
/// `agg`, `fail` and where others read f's rows too. Leaves steps with branches alone. In their
/// branches an error is seen, as it sends its row another way: there a filter passes only what
/// cannot fail.
LogicalPlan FilterPushDown(LogicalPlan plan);

}  // namespace raceway::compiler
