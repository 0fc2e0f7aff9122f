#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/load/load_event.h"
#include "engine/load/load_report.h"

namespace raceway::engine::load {

/// What is shown beside an event: bytes, class, where from, the storages.
nlohmann::ordered_json ArgumentsOf(const LoadEvent& event);

/// The figures of a report; times in milliseconds, "limit_ms" and "eta" null where they are not
/// known.
nlohmann::ordered_json FiguresAsJson(const LoadReport& report);

/// The JSON that Perfetto (ui.perfetto.dev) and chrome://tracing open: a line for each row of the
/// trace, times since its beginning; the figures stand under "otherData".
std::string PerfettoText(const LoadReport& report);

}  // namespace raceway::engine::load
