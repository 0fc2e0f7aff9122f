#pragma once

#include <memory>
#include <string>

/// The graphs that the engine is measured against, of nodes that do nothing but pass a pointer.
namespace raceway::bench {

/// Something that can be gone through once, from its start to its end.
class RawGraph {
 public:
  virtual ~RawGraph() = default;
  virtual void Run() = 0;
};

enum class TbbNode {
  kTask,         // a task for each message, as an engine must have it
  kLightweight,  // called by whoever sends: an engine cannot use it, see engine/README.md
};

std::unique_ptr<RawGraph> TbbChain(int num_nodes, TbbNode kind);
/// A node, as many behind it, and one behind all of those.
std::unique_ptr<RawGraph> TbbFan(int num_branches);
/// Messages per second through one node, `num_at_once` under way.
double TbbMessagesPerSecond(int num_messages, int num_at_once);

/// Why there is no Taskflow to measure against; empty if there is.
std::string WhyNoTaskflow();
/// The same of Taskflow, in an executor with a thread per core; null where it is not there.
std::unique_ptr<RawGraph> TaskflowChain(int num_tasks);
std::unique_ptr<RawGraph> TaskflowFan(int num_branches);

}  // namespace raceway::bench
