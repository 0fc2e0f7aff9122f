#include "engine/exec/graph_workers.h"

#include <memory>
#include <utility>

#include "engine/exec/graph.h"

namespace raceway::engine {

void GraphWorkers::Start(std::function<void()> work) {
  graph_.Enter();
  places_.Take();
  // TBB calls it as const and destroys it late: what `work` holds must be gone before we leave.
  arena_.enqueue([this, held = std::make_shared<std::function<void()>>(std::move(work))] {
    (*held)();
    *held = nullptr;
    places_.Give();
    graph_.Leave();
  });
}

}  // namespace raceway::engine
