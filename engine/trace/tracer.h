#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/load/load_listener.h"
#include "engine/result.h"

namespace raceway::engine {

/// The names that a flow's events refer to.
struct TracedFlow {
  std::string name;
  std::vector<std::string> stages;  // as in `explain`
};

/// What happened from `begin` to `end`, in the thread that notes it.
struct TraceEvent {
  enum class Kind : uint8_t {
    kRequest,   // from the call to the completion; `text` is its error, if it had one
    kQueue,     // a stage has all it waits for, and no thread yet
    kCopy,      // it takes its batches: handles, whatever is behind them
    kRun,       // its operators
    kPass,      // it is passed through: the request was over before
    kOperator,  // one of LibTorch, within `kRun`; `text` is its name
  };
  using Time = std::chrono::steady_clock::time_point;

  Kind kind = Kind::kRun;
  const TracedFlow* flow = nullptr;
  int64_t request = 0;
  int32_t stage = -1;     // of the flow
  int64_t num_rows = -1;  // that the stage or the request was given
  Time begin = {};
  Time end = {};
  std::string text = {};
};

/// Where time goes: what became of each request, in each stage, and of the models that are loaded
/// in this process meanwhile.
///
/// Each thread writes into memory of its own, without a lock but for its first event. An engine
/// without a tracer pays one branch for each of the places where an event would be noted.
///
/// Threads  all functions but `ToChromeJson`, which is called when nobody notes any more: once the
///          engine is gone
class Tracer {
 public:
  /// `operators`: also each LibTorch operator that a thread of a stage calls (branches of `anyof`
  /// that other workers took are not seen). Costs about a microsecond for each.
  explicit Tracer(bool operators = false);
  ~Tracer();
  Tracer(const Tracer&) = delete;

  bool sees_operators() const { return sees_operators_; }
  /// The names are kept as long as the tracer.
  const TracedFlow* AddFlow(TracedFlow flow);
  void Note(TraceEvent event) noexcept;

  /// The JSON that Perfetto (ui.perfetto.dev) and chrome://tracing open: requests, their waiting
  /// and the lanes of loads as asynchronous spans, what threads did as spans that nest. Times in
  /// microseconds since the first event.
  std::string ToChromeJson() const;
  /// Errors   Unavailable if the file cannot be written
  Status Write(const std::string& file) const;

 private:
  struct Thread {
    int64_t number = 0;  // of the system, as `top` shows it
    std::deque<TraceEvent> events;
  };
  struct Load {
    std::string model;
    load::LoadEvent event;
  };
  Thread& Mine();
  void NoteLoad(const std::string& model, const load::LoadEvent& event) noexcept;

  const bool sees_operators_;
  const uint64_t id_;  // no two tracers of a process have the same
  mutable std::mutex mutex_;
  std::deque<TracedFlow> flows_;
  std::map<std::thread::id, std::unique_ptr<Thread>> threads_;
  std::deque<Load> loads_;               // some for each MiB that is read: a lock is no matter
  const load::LoadListening listening_;  // goes first
};

}  // namespace raceway::engine
