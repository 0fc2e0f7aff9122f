#pragma once

#include <memory>

#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

/// Opens a store as its kind wants it; what is open already with the same content is shared.
///
/// rows     a file of JSON lines, read whole (engine/rows/read_rows.h)
/// rocksdb  a folder that `raceway store load` made (rocks_store.h)
/// index    the nearest of the vectors in a file of JSON lines (vector_index.h)
/// Errors   InvalidArgument for a row or column that does not fit, Unavailable for a missing file,
///          Unsupported for another kind
Result<std::shared_ptr<const Store>> OpenStore(const StoreSpec& spec);

}  // namespace raceway::engine
