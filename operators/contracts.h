#pragma once

#include "engine/catalog.h"

/// What the compiler must know of the native functions and column functions in this folder. No
/// tensor type is included here, so that `check` needs no LibTorch; the code behind the contracts
/// is `column_functions.cpp` and `functions/`, and a test holds both sides together.
namespace raceway::operators {

/// Every contract, in the order in which documentation lists them.
void RegisterContracts(engine::Catalog& catalog);

void RegisterFunctionContracts(engine::Catalog& catalog);        // native functions
void RegisterColumnFunctionContracts(engine::Catalog& catalog);  // `softmax`, `+`, `f32(x)`, …
void RegisterNullContracts(engine::Catalog& catalog);            // `??`, `is null`; of the above
void RegisterTensorContracts(engine::Catalog& catalog);          // `x[0]`, `take`, `zeros`, …
void RegisterSizeContracts(engine::Catalog& catalog);            // of checks of dimensions
void RegisterAggregateContracts(engine::Catalog& catalog);       // of `agg`: `count`, `mean`, …

}  // namespace raceway::operators
