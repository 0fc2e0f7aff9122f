#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Runs a TorchScript module's `forward`.
///
/// Options  `source`   path of the file, relative to the plan's folder
///          `sha256`   of the file; tells contents apart where the path is the same
///          `threads`  that one call may use, 0: as the worker has it
/// Input    the columns that `step.arguments` names, in the order of `forward`. A column whose rows
///          differ in shape is run group by group, rows of one shape together
/// Output   the same rows; the outputs are what `forward` answers: a tensor, a tuple by position or
///          a dictionary by result name, rows in dimension 0
/// Errors   Unavailable for a missing file, InvalidArgument for one that is no TorchScript or whose
///          `forward` takes other inputs; at run time Failed for what `forward` throws and for
///          outputs that are not as declared
/// Memory   steps with the same path and hash share one module
engine::Result<engine::AnyOperator> MakeModel(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
