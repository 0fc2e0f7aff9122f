#include "tools/bench/raw_graphs.h"

#ifdef RACEWAY_HAS_TASKFLOW
#include <taskflow/taskflow.hpp>
#endif

namespace raceway::bench {

#ifdef RACEWAY_HAS_TASKFLOW

namespace {

class Graph final : public RawGraph {
 public:
  tf::Task Add() {
    return taskflow_.emplace([] {});
  }
  void Run() override { executor_.run(taskflow_).wait(); }

 private:
  tf::Executor executor_;
  tf::Taskflow taskflow_;
};

}  // namespace

std::string WhyNoTaskflow() { return ""; }

std::unique_ptr<RawGraph> TaskflowChain(int num_tasks) {
  auto graph = std::make_unique<Graph>();
  tf::Task last = graph->Add();
  for (int i = 1; i < num_tasks; ++i) {
    tf::Task next = graph->Add();
    last.precede(next);
    last = next;
  }
  return graph;
}

std::unique_ptr<RawGraph> TaskflowFan(int num_branches) {
  auto graph = std::make_unique<Graph>();
  tf::Task top = graph->Add();
  tf::Task end = graph->Add();
  for (int i = 0; i < num_branches; ++i) {
    tf::Task branch = graph->Add();
    top.precede(branch);
    branch.precede(end);
  }
  return graph;
}

#else

std::string WhyNoTaskflow() {
  return "not measured against Taskflow: configure with TASKFLOW_INCLUDE set to a folder that has "
         "taskflow/taskflow.hpp";
}
std::unique_ptr<RawGraph> TaskflowChain(int) { return nullptr; }
std::unique_ptr<RawGraph> TaskflowFan(int) { return nullptr; }

#endif

}  // namespace raceway::bench
