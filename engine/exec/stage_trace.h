#pragma once

#include <cstdint>
#include <memory>

#include "engine/exec/request.h"
#include "engine/trace/tracer.h"

namespace raceway::engine {

class TraceGate;

/// Where a graph's events go, if they go anywhere.
struct Tracing {
  Tracer* tracer = nullptr;  // null: nobody traces
  const TracedFlow* flow = nullptr;

  explicit operator bool() const { return tracer != nullptr; }
  /// `request` is over.
  void NoteRequest(Request& request, int64_t num_rows) const noexcept;
  /// It was over before `stage` could run.
  void NotePass(Request& request, int32_t stage) const noexcept;
};

/// Notes how long a stage waited, took its batches and ran, as long as it lives. Does nothing
/// where nobody traces.
class StageTrace {
 public:
  StageTrace(const Tracing& tracing, Request& request, int32_t stage) noexcept;
  ~StageTrace();
  StageTrace(const StageTrace&) = delete;

  /// It has its batches; the first of them has `num_rows`.
  void Taken(int64_t num_rows) noexcept;

 private:
  void Note(TraceEvent::Kind kind, TraceEvent::Time begin, TraceEvent::Time end) noexcept;

  const Tracing& tracing_;
  const int64_t request_;  // it may be gone before the end
  const int32_t stage_;
  int64_t num_rows_ = -1;
  TraceEvent::Time begin_;  // of what comes next
  std::unique_ptr<TraceGate> gate_;
};

}  // namespace raceway::engine
