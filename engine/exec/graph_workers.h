#pragma once

#include <oneapi/tbb/task_arena.h>

#include <functional>
#include <utility>

#include "engine/exec/places.h"
#include "engine/exec/timer.h"
#include "engine/workers.h"

namespace raceway::engine {

class Graph;

/// Those of the steps of one graph.
class GraphWorkers final : public Workers {
 public:
  /// All but `graph`, which has the steps and stays until then, must outlive what is started.
  GraphWorkers(tbb::task_arena& arena, Places& places, Timer& timer, Graph& graph)
      : arena_(arena), places_(places), timer_(timer), graph_(graph) {}
  GraphWorkers(const GraphWorkers&) = delete;

  void Start(std::function<void()> work) override;
  void At(TimePoint time, std::function<void()> call) override { timer_.At(time, std::move(call)); }
  int num_threads() const override { return arena_.max_concurrency(); }
  Places& places() override { return places_; }

 private:
  tbb::task_arena& arena_;
  Places& places_;
  Timer& timer_;
  Graph& graph_;
};

}  // namespace raceway::engine
