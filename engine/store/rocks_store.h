#pragma once

#include <memory>

#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

/// Looks up in a folder that `raceway store load` made. What is open already is shared, with the
/// rows that are in memory, by all flows and engines of the process; of several wishes for memory
/// the largest counts. A flow may declare some of the columns only, and leave sizes open.
///
/// Errors   Unavailable with the reason for a folder that cannot be used; InvalidArgument where it
///          has other columns than the flow declares
Result<std::shared_ptr<const Store>> OpenRocksStore(const StoreSpec& spec);

}  // namespace raceway::engine
