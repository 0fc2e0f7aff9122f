#include "engine/schedule/batch_times.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace raceway::engine::schedule {
namespace {

constexpr double kWeight = 0.1;       // of the last batch, or gap
constexpr double kAllButBest = 0.97;  // of the most rows per second

}  // namespace

void BatchTimes::Add(int64_t rows, double seconds) {
  const auto index = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(rows)) - 1);
  Size& size = sizes_[std::min(index, sizes_.size() - 1)];
  if (size.rows == 0) {
    size = {static_cast<double>(rows), seconds};
    return;
  }
  size.rows += kWeight * (static_cast<double>(rows) - size.rows);
  size.seconds += kWeight * (seconds - size.seconds);
}

double BatchTimes::Expect(int64_t rows) const {
  const auto wanted = static_cast<double>(rows);
  const Size* below = nullptr;
  const Size* above = nullptr;
  for (const Size& size : sizes_) {
    if (size.rows == 0) continue;
    if (size.rows <= wanted) below = &size;
    if (size.rows >= wanted && above == nullptr) above = &size;
  }
  if (below == nullptr && above == nullptr) return 0;
  if (below == nullptr) return above->seconds;  // fewer rows do not take longer
  if (above == nullptr) return below->seconds * wanted / below->rows;
  if (above->rows == below->rows) return below->seconds;
  const double way = (wanted - below->rows) / (above->rows - below->rows);
  return below->seconds + way * (above->seconds - below->seconds);
}

int64_t BatchTimes::BestRows(int64_t most) const {
  double best = 0;
  for (const Size& size : sizes_) {
    if (size.rows > 0) best = std::max(best, size.rows / size.seconds);
  }
  const Size* found = nullptr;
  bool is_largest = true;
  for (const Size& size : sizes_) {
    if (size.rows == 0) continue;
    if (found != nullptr) {
      is_largest = false;
    } else if (size.rows / size.seconds >= kAllButBest * best) {
      found = &size;
    }
  }
  if (found == nullptr) return 1;
  const double rows = is_largest ? 2 * found->rows : found->rows;
  return std::clamp(int64_t{std::llround(rows)}, int64_t{1}, most);
}

void ArrivalRate::Add(int64_t rows, double now) {
  if (num_arrivals_ > 0) {
    const double gap = (now - last_) / static_cast<double>(rows);
    gap_ = num_arrivals_ == 1 ? gap : gap_ + kWeight * (gap - gap_);
  }
  last_ = now;
  ++num_arrivals_;
}

double ArrivalRate::ExpectGap(double now) const {
  if (num_arrivals_ < 2) return std::numeric_limits<double>::infinity();
  return std::max(gap_, now - last_);
}

}  // namespace raceway::engine::schedule
