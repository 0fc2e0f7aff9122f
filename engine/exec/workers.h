#pragma once

#include <oneapi/tbb/task_arena.h>

#include <functional>
#include <memory>
#include <utility>

#include "engine/exec/in_flight.h"

namespace raceway::engine {

/// The threads of an engine, for a step that can use several.
///
/// Threads  `Start` may be called from any
class Workers {
 public:
  /// Both must outlive what is started; draining `in_flight` waits for it.
  Workers(tbb::task_arena& arena, InFlight& in_flight) : arena_(arena), in_flight_(in_flight) {}
  Workers(const Workers&) = delete;

  /// Runs `work` as soon as a worker is free, which may be never while the caller waits for it: so
  /// the caller must be ready to do it itself. `work` must not throw.
  void Start(std::function<void()> work) {
    in_flight_.Enter();
    // TBB calls it as const and destroys it late: what `work` holds must be gone before we leave.
    arena_.enqueue([this, held = std::make_shared<std::function<void()>>(std::move(work))] {
      (*held)();
      *held = nullptr;
      in_flight_.Leave();
    });
  }

 private:
  tbb::task_arena& arena_;
  InFlight& in_flight_;
};

}  // namespace raceway::engine
