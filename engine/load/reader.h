#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include "engine/clock.h"
#include "engine/load/model_file.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Blocks of a file, and where to put them.
struct ReadRequest {
  ModelFile* file;         // must outlive the read
  uint64_t offset;         // of the file, and congruent with `into` modulo kBlock
  uint32_t size;           // that fit into `into`
  uint32_t num_bytes;      // that the file should have of them
  std::byte* into;         // must outlive the read
  bool is_mapped = false;  // `into` is the file, mapped: there is nothing to copy
};

/// How many bytes were read, perhaps fewer than asked for, or a negative errno.
using ReadDone = std::function<void(int64_t result)>;

/// Reads in the background: one attempt for each request, in any order.
///
/// Threads  `Submit` from any, also from a `ReadDone`
class Reader {
 public:
  Reader() = default;
  Reader(const Reader&) = delete;
  /// Waits until all that was submitted is done.
  virtual ~Reader() = default;

  /// "io_uring", …, for notes and traces.
  virtual std::string_view name() const = 0;
  /// Returns soon and does not call `done` itself: a thread of the reader does, once. `done` does
  /// not throw.
  virtual void Submit(const ReadRequest& request, ReadDone done) = 0;
};

/// Past the page cache by io_uring; each ring has a thread, which also calls what is done.
/// Errors   Unavailable where io_uring is refused, as containers often do, or does not read
Result<std::unique_ptr<Reader>> MakeUringReader(int num_rings = 1);

/// Past the page cache by threads that call preadv(2) and wait.
std::unique_ptr<Reader> MakePreadReader(int num_threads = 4);

/// Copies from the page cache, or maps its pages; it fetches what it does not have.
std::unique_ptr<Reader> MakeCachedReader(int num_threads = 2);

struct ThrottleOptions {
  double bytes_per_second = 1e9;
  std::chrono::nanoseconds latency = std::chrono::microseconds(100);  // of each read, beside that
  uint64_t burst_bytes = 0;  // that an idle disk has saved up
};

/// The time that a disk of a given speed takes, which serves one read after the other. Exact in the
/// long run, since the times are those of a token bucket, not sums of sleeps.
///
/// Threads  any
class Throttle {
 public:
  explicit Throttle(ThrottleOptions options) : options_(options) {}
  Throttle(const Throttle&) = delete;

  const ThrottleOptions& options() const { return options_; }
  /// When such a disk has read this, after what it was asked for before.
  TimePoint Reserve(uint64_t num_bytes);

 private:
  std::chrono::nanoseconds TimeFor(uint64_t num_bytes) const;

  const ThrottleOptions options_;
  std::mutex mutex_;
  TimePoint free_ = {};  // when it has read all that it was asked for
};

/// What `inner` has read is handed over no sooner than such a disk would have it. For tests and
/// benches. Readers may share a throttle: those of one disk.
std::unique_ptr<Reader> MakeThrottledReader(std::unique_ptr<Reader> inner,
                                            std::shared_ptr<Throttle> throttle);
std::unique_ptr<Reader> MakeThrottledReader(std::unique_ptr<Reader> inner, ThrottleOptions options);

}  // namespace raceway::engine::load
