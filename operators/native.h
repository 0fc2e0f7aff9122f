#pragma once

#include <functional>
#include <memory>

#include "engine/catalog.h"
#include "engine/operator.h"
#include "operators/functions/function.h"

namespace raceway::operators {

/// Calls a native function (`functions/`).
///
/// Options  `function`, `settings`
/// Input    the columns that `step.arguments` names, in the order of the contract
/// Output   the same rows, with the columns that `step.results` defines
/// Errors   InvalidArgument for a function, setting or type that does not fit the contract,
///          Unavailable for a missing file; at run time those of the function, and Failed for a
///          result that is not what the plan declares
engine::Result<engine::AnyOperator> MakeNative(const engine::OperatorSpec& spec);

using MakeFunction =
    std::function<engine::Result<std::unique_ptr<NativeFunction>>(const FunctionSpec& spec)>;

/// Who wrote a function: what it gives is held against alike symbols only if it is not ours.
enum class Author { kRaceway, kUser };

/// The operator of a step that calls a function, whose settings and columns are held against the
/// contract. The contract is not needed afterwards.
///
/// Errors   InvalidArgument for what does not fit, and those of `make`, all with its name in front
engine::Result<engine::AnyOperator> MakeFunctionStep(const engine::FunctionContract& contract,
                                                     const MakeFunction& make,
                                                     const engine::OperatorSpec& spec,
                                                     Author author);

}  // namespace raceway::operators
