#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/data/type.h"

/// Columns of time hold nanoseconds as i64: the length of a `duration`, or what has passed since
/// 1970-01-01T00:00:00Z at a `timestamp` (the years 1677 to 2262). Rows write them as text.
namespace raceway::engine {

inline bool IsTime(DataType type) {
  return type == DataType::kTimestamp || type == DataType::kDuration;
}

/// A duration is "900ms" or "-1.5s"; a timestamp is of RFC 3339, "2026-11-28T21:17:50.5+01:00".
/// Nothing for other text and for what does not fit.
std::optional<int64_t> TimeFromText(std::string_view text, DataType type);

/// "900ms", "-1500ms"; "2026-11-28T20:17:50.5Z". `TimeFromText` reads it back.
std::string TimeText(int64_t nanoseconds, DataType type);

/// "a duration such as \"900ms\"": what a text should have been.
std::string_view TimeExample(DataType type);

}  // namespace raceway::engine
