#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "engine/load/load_limit.h"
#include "engine/load/load_trace.h"

namespace raceway::engine::load {

/// A load and what is to be said of it.
struct LoadReport {
  std::string title = {};  // "resnet50.pt, cold, raceway"
  LoadTrace trace = {};
  LoadFigures figures = {};             // of the trace
  std::optional<LoadLimit> limit = {};  // where it is known

  /// Limit / measured time: 1 is as good as can be, 0 where either is not known.
  double eta() const {
    if (!limit || figures.total.count() == 0) return 0;
    return static_cast<double>(limit->time.count()) / static_cast<double>(figures.total.count());
  }
};

}  // namespace raceway::engine::load
