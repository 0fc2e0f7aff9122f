#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/data/type.h"
#include "engine/result.h"

/// What the rules of column functions have in common: what they ask first, and how they answer.
namespace raceway::operators {

using Types = std::span<const engine::Type>;

/// "`+` wants two numbers of one type, these are f32 and i64"
engine::Error Wants(std::string_view name, std::string_view what, Types args);

/// What every rule asks first: the right number of values, none of which may be missing.
engine::Result<engine::Done> CheckArgs(std::string_view name, size_t wanted, Types args);

inline engine::Type Scalar(engine::DataType dtype) { return {dtype, {}}; }
bool AnyOptional(Types args);
/// Whether all are scalars of this type.
bool AllAre(Types args, engine::DataType dtype);

}  // namespace raceway::operators
