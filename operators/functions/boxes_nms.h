#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// Non-maximum suppression: the places of the boxes that are left, the highest score first, of
/// equal ones the first.
///
/// Errors   Failed for a coordinate or score that is not a finite number
/// Source   torchvision.ops.nms, whose answers these are
engine::Result<std::unique_ptr<NativeFunction>> MakeNms(const FunctionSpec& spec);

/// The same where only boxes of one class hide each other; torchvision.ops.batched_nms.
engine::Result<std::unique_ptr<NativeFunction>> MakeNmsByClass(const FunctionSpec& spec);

}  // namespace raceway::operators
