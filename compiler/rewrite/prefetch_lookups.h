#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// lookup(g(t))  ⇒  lookup(g(prefetch(t)))   where a model or native function is among the steps g
/// and the column of keys is there in t already.
///
/// The store is told the keys as soon as they are there, and reads what is not in memory while the
/// model runs. `prefetch` passes its rows on and waits for nothing.
///
/// Only for stores on disk (`rocksdb`). It goes up through steps that make one row of each:
/// `map`, `derive`, `select`, `omit`, `sort` and lookups whose `miss` is not `drop`. It stops at
/// what takes out rows, since their keys would be read for nothing, at steps with several inputs or
/// with branches, and at tables with several readers. In branches nothing is prefetched. Source:
/// Cloudflow (Sreekanti et al., 2020) moves the flow to where the key is cached; here there is one
/// machine, so the rows are moved ahead of time.
LogicalPlan PrefetchLookups(LogicalPlan plan);

}  // namespace raceway::compiler
