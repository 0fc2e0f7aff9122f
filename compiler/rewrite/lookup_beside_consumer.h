#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// g(lookup(t))  ⇒  lookup(g(t))   for the steps g between a lookup and the first that reads a
/// column of it: the lookup stands right before its reader, and is fused with it.
///
/// What it found is not carried past steps that do not look at it, and behind a `filter` or `limit`
/// fewer keys are looked up. g is a step that makes one row, or none, of each: `derive`, `select`,
/// `omit`, `filter`, `sort`, `limit`, `map` or another `lookup`.
///
/// Stops at steps with branches and at tables with several readers. By what becomes of a key that
/// the store does not have:
/// null     passes any g: it cannot fail and keeps every row, so nobody can tell
/// fail     passes what cannot fail itself (`CanFail`; no `map`, no other lookup with `fail`): else
///          a request with both errors would end with the other one. Rows that g takes out are not
///          looked up and cannot fail any more, as when a filter moves up.
/// drop     stays: it is a filter, the steps behind it are spared the rows
/// In branches of a `rescue` nothing moves: there it is seen which rows fail.
///
/// Without a reader in the chain it goes behind the last g that takes out rows.
LogicalPlan LookupBesideConsumer(LogicalPlan plan);

}  // namespace raceway::compiler
