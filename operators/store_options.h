#pragma once

#include <string>
#include <string_view>

#include "engine/operator.h"
#include "engine/result.h"
#include "engine/store.h"
#include "engine/value.h"

/// What `lookup` and `prefetch` are told of a store.
namespace raceway::operators {

/// The text of an option, empty if there is none.
std::string TextOption(const engine::Value& options, std::string_view key);

/// Options  `store`: its name; `kind`, `source`, `sha256`; `schema`: [[name, type], …], the key
///          first; `cache`: bytes, `metric`: of those kinds that have one
/// Errors   InvalidArgument for options that say nothing of the kind
engine::Result<engine::StoreSpec> ReadStoreOptions(const engine::OperatorSpec& spec);

/// The input's column of keys, the one that `step.arguments` names; it is of the type `wanted`.
engine::Result<size_t> FindKey(const engine::OperatorSpec& spec, const engine::Type& wanted);

}  // namespace raceway::operators
