#include "compiler/testing/duration.h"

#include <cmath>

#include "compiler/check/quantities.h"

namespace raceway::compiler {

std::optional<int64_t> DurationOf(const std::string& quantity) {
  const std::optional<Quantity> value = ParseQuantity(quantity);
  if (!value || value->measure != Measure::kDuration || value->amount >= 0x1p63) {
    return std::nullopt;
  }
  return std::llround(value->amount);
}

}  // namespace raceway::compiler
