#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// The same rows with other columns: carried, renamed or computed. What `derive`, `select` and
/// `omit` have in common.
///
/// sees_earlier   whether an expression may read what earlier ones of the step define
engine::Result<engine::AnyOperator> MakeProjection(const engine::OperatorSpec& spec,
                                                   bool sees_earlier);

}  // namespace raceway::operators
