#include "engine/exec/workers.h"

#include <memory>
#include <utility>

#include "engine/exec/graph.h"

namespace raceway::engine {

void Workers::Start(std::function<void()> work) {
  graph_.Enter();
  // TBB calls it as const and destroys it late: what `work` holds must be gone before we leave.
  arena_.enqueue(
      [&graph = graph_, held = std::make_shared<std::function<void()>>(std::move(work))] {
        (*held)();
        *held = nullptr;
        graph.Leave();
      });
}

}  // namespace raceway::engine
