#include "engine/schedule/scaler.h"

#include <algorithm>
#include <cmath>

namespace raceway::engine::schedule {

int Scaler::Decide(const StageLoad& load, double now) {
  const double busy = load.calls_per_second * load.call_seconds / limits_.busy;
  const double waiting = static_cast<double>(load.waiting) * load.call_seconds / limits_.drain;
  const double needed = std::min(std::ceil(busy + waiting - 1e-6), 1e6);
  const int wanted = std::clamp(static_cast<int>(needed), limits_.least, limits_.most);
  if (now - half_since_ >= limits_.hold / 2) {
    wanted_before_ = wanted_;
    wanted_ = wanted;
    half_since_ = now;
  }
  wanted_ = std::max(wanted_, wanted);
  return std::max(wanted_, wanted_before_);
}

}  // namespace raceway::engine::schedule
