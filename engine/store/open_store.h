#pragma once

#include <memory>

#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

/// Opens a store as its kind wants it; what is open already with the same content is shared.
///
/// rows     a file of JSON lines, read whole (engine/rows/read_rows.h)
/// Errors   InvalidArgument for a row that does not fit, Unavailable for a missing file,
///          Unsupported for another kind
Result<std::shared_ptr<const Store>> OpenStore(const StoreSpec& spec);

}  // namespace raceway::engine
