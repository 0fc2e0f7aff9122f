#pragma once

#include <memory>

#include "engine/result.h"
#include "operators/functions/function.h"
#include "operators/plugins/library.h"

namespace raceway::operators {

/// A function of a plugin with its settings, checked for what it gives: number and kind of results,
/// types, rows. The library stays loaded, so `function` outlives it.
///
/// Errors   InvalidArgument for what the plugin throws while it is made; at run time Failed, with
///          the name of the function and, of one that goes row by row, the row
engine::Result<std::unique_ptr<NativeFunction>> MakePluginFunction(const PluginFunction& function,
                                                                   const FunctionSpec& spec);

}  // namespace raceway::operators
