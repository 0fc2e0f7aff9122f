#pragma once

#include <string>

#include "engine/load/load_report.h"

namespace raceway::engine::load {

/// The report as a picture: an SVG of its own, a line for each row of the trace, milliseconds to
/// the right, the figures above, what the colours mean below. The answer is a line, the limit a
/// dashed one. Neighbours too narrow to be told apart are drawn as one.
std::string GanttSvg(const LoadReport& report);

}  // namespace raceway::engine::load
