#include <oneapi/tbb/flow_graph.h>

#include <atomic>
#include <vector>

#include "tools/bench/raw_graphs.h"
#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

template <typename Policy>
class Chain final : public RawGraph {
 public:
  explicit Chain(int num_nodes) {
    for (int i = 0; i < num_nodes; ++i) {
      nodes_.push_back(std::make_unique<Node>(graph_, tbb::flow::unlimited,
                                              [](void* message) noexcept { return message; }));
      if (i > 0) tbb::flow::make_edge(*nodes_[nodes_.size() - 2], *nodes_.back());
    }
  }
  void Run() override {
    nodes_.front()->try_put(this);
    graph_.wait_for_all();
  }

 private:
  using Node = tbb::flow::function_node<void*, void*, Policy>;
  tbb::flow::graph graph_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

class Fan final : public RawGraph {
 public:
  explicit Fan(int num_branches) {
    for (int i = 0; i < num_branches; ++i) {
      branches_.push_back(std::make_unique<Node>(graph_, &Pass));
      tbb::flow::make_edge(top_, *branches_.back());
      tbb::flow::make_edge(*branches_.back(), end_);
    }
  }
  void Run() override {
    top_.try_put({});
    graph_.wait_for_all();
  }

 private:
  using Node = tbb::flow::continue_node<tbb::flow::continue_msg>;
  static tbb::flow::continue_msg Pass(const tbb::flow::continue_msg&) noexcept { return {}; }

  tbb::flow::graph graph_;
  Node top_{graph_, &Pass};
  std::vector<std::unique_ptr<Node>> branches_;
  Node end_{graph_, &Pass};
};

}  // namespace

std::unique_ptr<RawGraph> TbbChain(int num_nodes, TbbNode kind) {
  if (kind == TbbNode::kTask) return std::make_unique<Chain<tbb::flow::queueing>>(num_nodes);
  return std::make_unique<Chain<tbb::flow::lightweight>>(num_nodes);
}

std::unique_ptr<RawGraph> TbbFan(int num_branches) { return std::make_unique<Fan>(num_branches); }

double TbbMessagesPerSecond(int num_messages, int num_at_once) {
  std::atomic<int> under_way = 0;
  tbb::flow::graph graph;
  tbb::flow::function_node<void*> node(graph, tbb::flow::unlimited, [&](void*) noexcept {
    --under_way;
    under_way.notify_one();
    return tbb::flow::continue_msg();
  });
  const double nanoseconds = NanosecondsPer(1, [&] {
    for (int i = 0; i < num_messages; ++i) {
      for (int now = under_way; now >= num_at_once; now = under_way) under_way.wait(now);
      ++under_way;
      node.try_put(&graph);
    }
    for (int now = under_way; now > 0; now = under_way) under_way.wait(now);
  });
  graph.wait_for_all();
  return num_messages / (nanoseconds / 1e9);
}

}  // namespace raceway::bench
