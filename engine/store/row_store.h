#pragma once

#include <memory>
#include <string>

#include "engine/data/batch.h"
#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

/// A store of rows in memory: the first column is the key, the others are what a row gives. What a
/// row has of tensors of varying shapes is handed out, not copied.
///
/// Errors   InvalidArgument, of `name`, for a key that two rows have, or one that cannot be a key
Result<std::shared_ptr<const Store>> MakeRowStore(const Batch& rows, const std::string& name);

}  // namespace raceway::engine
