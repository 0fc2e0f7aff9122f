#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// An index to a line of a file, which is read once.
engine::Result<std::unique_ptr<NativeFunction>> MakeLabelsLookup(const FunctionSpec& spec);

}  // namespace raceway::operators
