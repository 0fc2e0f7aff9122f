#pragma once

#include <oneapi/tbb/task_arena.h>

#include <functional>

namespace raceway::engine {

class Graph;

/// The threads of an engine, for a step that can use several.
///
/// Threads  `Start` may be called from any
class Workers {
 public:
  /// `arena` must outlive what is started; `graph`, which has the step, stays until then.
  Workers(tbb::task_arena& arena, Graph& graph) : arena_(arena), graph_(graph) {}
  Workers(const Workers&) = delete;

  /// Runs `work` as soon as a worker is free, which may be never while the caller waits for it: so
  /// the caller must be ready to do it itself. `work` must not throw.
  void Start(std::function<void()> work);

 private:
  tbb::task_arena& arena_;
  Graph& graph_;
};

}  // namespace raceway::engine
