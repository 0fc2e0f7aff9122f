#pragma once

#include <memory>
#include <string>

#include "engine/data/batch.h"
#include "engine/result.h"
#include "engine/store.h"
#include "engine/value.h"

/// Stores whose rows a test gives.
namespace raceway::tools {

/// A store that has the same for every key: the record's members, by the names of the schema.
///
/// Errors   InvalidArgument for a member that does not fit: "the stub of `users`: `age` is 300, …"
engine::Result<std::shared_ptr<const engine::Store>> MakeSameRowStore(const engine::StoreSpec& spec,
                                                                      const engine::Value& row);

}  // namespace raceway::tools
