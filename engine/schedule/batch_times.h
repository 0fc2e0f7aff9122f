#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace raceway::engine::schedule {

/// How long a batch takes by its number of rows, learned from batches that ran. In between and
/// beyond the sizes that were seen it goes by their neighbours.
///
/// Threads  none of its own, no lock: one thread at a time
class BatchTimes {
 public:
  /// rows ≥ 1
  void Add(int64_t rows, double seconds);

  /// Seconds; 0 if nothing is known.
  double Expect(int64_t rows) const;
  /// The smallest size whose rows per second are all but the best; twice the largest that was seen
  /// if that is the one, so that larger ones are tried while they pay; 1 if nothing is known. At
  /// most `most`.
  int64_t BestRows(int64_t most) const;

 private:
  /// Sizes from 2^i to 2^(i + 1) - 1, as averages of the last ones.
  struct Size {
    double rows = 0;
    double seconds = 0;
  };

  std::array<Size, 24> sizes_ = {};  // rows 0: none was seen
};

/// How soon rows come one after another, learned from those that came.
///
/// Threads  as above
class ArrivalRate {
 public:
  void Add(int64_t rows, double now);
  /// Seconds until the next row is to be expected; infinite if no two have come.
  double ExpectGap(double now) const;

 private:
  double gap_ = 0;
  double last_ = 0;
  int64_t num_arrivals_ = 0;
};

}  // namespace raceway::engine::schedule
