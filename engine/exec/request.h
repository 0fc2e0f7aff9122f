#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/cancel.h"
#include "engine/data/batch.h"
#include "engine/result.h"

namespace raceway::engine {

enum class RequestId : int64_t {};

/// How much room a request needs in its graph. Ports are numbered through, the flow's inputs first.
struct RequestLayout {
  size_t num_ports = 0;
  size_t num_stages = 0;
  std::vector<int32_t> counters;  // what each counter starts with
  bool is_traced = false;         // it notes since when each stage is ready
};

/// What a request ends with where `CancelToken::Check` said `code`.
Error StopError(ErrorCode code, std::string stage);

/// One batch on its way through a graph: what every stage leaves for the next, who has arrived
/// where, and how it ends.
///
/// One block of memory, taken when it is submitted; a hop takes none.
///
/// Threads  stages of one request may run side by side: they share the counters and the first
///          error; a slot is written by one stage before those that read it are started
class Request {
 public:
  /// Gets the result, in the thread that ran the last stage. Must not throw.
  using Completion = std::function<void(Result<Batch>)>;
  /// Lets go of its batches; its memory and its token stay while somebody holds it.
  struct Deleter {
    void operator()(Request* request) const;
  };
  using Ptr = std::unique_ptr<Request, Deleter>;

  static Ptr Make(const RequestLayout& layout, RequestId id, Completion completion);
  Request(const Request&) = delete;

  /// For those who may still look at the counters or the token when the request is over.
  void Hold() { holders_.fetch_add(1, std::memory_order_relaxed); }
  void LetGo();

  RequestId id() const { return id_; }
  CancelToken& cancel() { return cancel_; }
  /// Kept as long as the request lives.
  void HoldParent(std::shared_ptr<const CancelToken> parent);
  Completion& completion() { return completion_; }
  /// Where the results of the flow go that come after its first, before `completion` is called.
  void GiveMoreTo(std::vector<Batch>* results) { more_results_ = results; }
  std::vector<Batch>* more_results() const { return more_results_; }

  /// Whether nothing more needs to be computed: it has failed, or should stop, which makes it fail
  /// at `stage`.
  bool IsOver(const std::string& stage) {
    if (failure_.load(std::memory_order_relaxed) != Failure::kNone) return true;
    if (!cancel_.may_stop()) return false;
    const std::optional<ErrorCode> stop = cancel_.Check();
    if (stop) Fail(StopError(*stop, stage));
    return stop.has_value();
  }
  /// The first error stays, the others are dropped.
  void Fail(Error error);
  /// Once every stage is through.
  const Error* error() const {
    return failure_.load(std::memory_order_acquire) == Failure::kSet ? &error_ : nullptr;
  }

  std::span<Batch> slots() { return {slots_, num_ports_}; }
  std::atomic<int32_t>& counter(int32_t index) { return counters_[index]; }
  /// For each stage, the one to be run after it by the same thread.
  int32_t& next_ready(int32_t stage) { return next_ready_[stage]; }
  /// Only where the layout is traced: since when a stage has all it waits for, -1: the request.
  std::chrono::steady_clock::time_point& ready_since(int32_t stage) {
    return ready_since_[stage + 1];
  }

  /// The batch on `port` for one of its readers; the last one gets the batch itself. `uses` is the
  /// counter of readers left, -1 where there is only one.
  Batch Take(size_t port, int32_t uses);

 private:
  enum class Failure : uint8_t { kNone, kBeingSet, kSet };

  Request(RequestId id, Completion completion) : id_(id), completion_(std::move(completion)) {}
  ~Request() = default;

  const RequestId id_;
  std::atomic<int32_t> holders_ = 1;  // its owner
  std::atomic<Failure> failure_ = Failure::kNone;
  CancelToken cancel_;
  std::shared_ptr<const CancelToken> parent_;
  Completion completion_;
  std::vector<Batch>* more_results_ = nullptr;
  Error error_;
  size_t num_ports_ = 0;
  Batch* slots_ = nullptr;                    // [num_ports_], behind this object
  std::atomic<int32_t>* counters_ = nullptr;  // likewise
  int32_t* next_ready_ = nullptr;             // likewise, one for each stage, not initialised
  std::chrono::steady_clock::time_point* ready_since_ = nullptr;  // likewise, one more, or null
};

}  // namespace raceway::engine
