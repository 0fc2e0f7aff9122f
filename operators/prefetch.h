#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Passes the rows on as they are, and tells a store which keys a `lookup` behind it will ask for,
/// so that they are in memory by then. Never waits for the store, and never fails: a key that is
/// not found, or damaged, is the business of the `lookup`.
///
/// Options  those of the store (store_options.h)
/// Input    `step.arguments` names the column of keys
/// Output   the same rows
/// Errors   those of opening the store
engine::Result<engine::AnyOperator> MakePrefetch(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
