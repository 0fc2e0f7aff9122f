#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/data/schema.h"
#include "engine/result.h"

namespace raceway::engine {

/// What a folder of rows says of itself: written last when it is loaded, so that one without it is
/// none, or only half of one.
struct StoreDescription {
  static constexpr int kFormat = 1;  // of the rows, too (row_codec.h)

  Schema schema;  // the key, then what a row has
  int64_t num_rows = 0;
};

/// {"raceway_store": 1, "schema": [["user", "string"], ["taste", "f32[512]"]], "rows": 100000}
std::string ToJson(const StoreDescription& description);

/// Errors   InvalidArgument for text that is none, Unsupported for a newer format
Result<StoreDescription> StoreDescriptionFromJson(std::string_view text);

/// Where the description is among the rows of a database, and what is before the key of each row.
inline constexpr std::string_view kDescriptionKey = "d";
inline constexpr std::string_view kRowPrefix = "r";

/// A file in each folder that loading made. Without it a folder is somebody else's, and never
/// replaced.
inline constexpr std::string_view kMarkerFile = "RACEWAY";

/// Whether a flow may read as `declared` what a folder of rows has as `stored`: the same kind of
/// element and rank, sizes the same or open in the flow, nulls only where the flow expects them.
bool CanReadAs(const Type& stored, const Type& declared);

}  // namespace raceway::engine
