// What does it cost to hand a request from one stage to the next?
//
// A chain of stages that do nothing, not fused, run by the engine, against the same length of raw
// TBB function nodes that pass a pointer: one request at a time, the time of a whole run divided by
// the stages. The raw chain is the limit that is named; what it does for a hop is make a task.

#include <ATen/ops/zeros.h>
#include <oneapi/tbb/flow_graph.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

using engine::Batch;
using engine::Port;
using engine::Result;

class Pass final : public engine::Operator {
 public:
  Result<Batch> Run(Batch input, engine::RunContext&) const override { return input; }
};

class TakeFirst final : public engine::Merger {
 public:
  Result<Batch> Run(std::span<Batch> inputs, engine::RunContext&) const override {
    return std::move(inputs[0]);
  }
};

engine::OperatorFactories Factories() {
  engine::OperatorFactories factories;
  factories.Add("pass", [](const engine::OperatorSpec&) -> Result<engine::AnyOperator> {
    return engine::AnyOperator(std::make_unique<Pass>());
  });
  factories.Add("first", [](const engine::OperatorSpec&) -> Result<engine::AnyOperator> {
    return engine::AnyOperator(std::make_unique<TakeFirst>());
  });
  return factories;
}

const engine::SchemaPtr& Payload() {
  static const auto schema = std::make_shared<const engine::Schema>(
      std::vector<engine::Field>{{"payload", engine::TypeFromString("u8[N]").value()}});
  return schema;
}

Batch MakeBatch(int64_t num_bytes) {
  return Batch(Payload(), {engine::Column(at::zeros({1, num_bytes}, at::kByte))}, 1);
}

class PlanBuilder {
 public:
  PlanBuilder() {
    plan_.flow = "hop";
    plan_.inputs = {{"rows", *Payload()}};
    plan_.results = {{"", {}, {{"payload", "payload"}}}};
  }
  Port Add(std::string op, std::vector<Port> inputs, bool own_task = false) {
    engine::StageSpec& stage = plan_.stages.emplace_back();
    stage.name = "s" + std::to_string(plan_.stages.size());
    stage.inputs = std::move(inputs);
    stage.own_task = own_task;
    engine::StepSpec& step = stage.steps.emplace_back();
    step.label = step.op = std::move(op);
    step.outputs = {*Payload()};
    return plan_.results.front().output = {static_cast<int32_t>(plan_.stages.size()) - 1, 0};
  }
  const engine::PhysicalPlan& plan() const { return plan_; }

 private:
  engine::PhysicalPlan plan_;
};

engine::PhysicalPlan Chain(int num_stages) {
  PlanBuilder builder;
  Port port;
  for (int i = 0; i < num_stages; ++i) port = builder.Add("pass", {port});
  return builder.plan();
}

// Two branches that are given a task each.
engine::PhysicalPlan Diamond() {
  PlanBuilder builder;
  const Port top = builder.Add("pass", {Port{}});
  const Port left = builder.Add("pass", {top}, true);
  const Port right = builder.Add("pass", {top}, true);
  builder.Add("first", {left, right});
  return builder.plan();
}

engine::FlowHandle Deploy(engine::Engine& engine, const engine::PhysicalPlan& plan) {
  Result<engine::FlowHandle> flow = engine.Deploy(plan, ".");
  if (flow) return *flow;
  std::cerr << "hop: " << flow.error().Text() << "\n";
  std::exit(1);
}

void RunOnce(engine::Engine& engine, engine::DeployedFlow& flow, const Batch& batch) {
  if (engine.Run(flow, batch)) return;
  std::cerr << "hop: a request failed\n";
  std::exit(1);
}

template <typename Policy>
class RawChain {
 public:
  explicit RawChain(int num_nodes) {
    for (int i = 0; i < num_nodes; ++i) {
      nodes_.push_back(std::make_unique<Node>(graph_, tbb::flow::unlimited,
                                              [](void* message) noexcept { return message; }));
      if (i > 0) tbb::flow::make_edge(*nodes_[nodes_.size() - 2], *nodes_.back());
    }
  }
  void Run(void* message) {
    nodes_.front()->try_put(message);
    graph_.wait_for_all();
  }

 private:
  using Node = tbb::flow::function_node<void*, void*, Policy>;
  tbb::flow::graph graph_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

class RawDiamond {
 public:
  RawDiamond() {
    tbb::flow::make_edge(top_, left_);
    tbb::flow::make_edge(top_, right_);
    tbb::flow::make_edge(left_, tbb::flow::input_port<0>(join_));
    tbb::flow::make_edge(right_, tbb::flow::input_port<1>(join_));
    tbb::flow::make_edge(join_, end_);
  }
  void Run(void* message) {
    top_.try_put(message);
    graph_.wait_for_all();
  }

 private:
  using Node = tbb::flow::function_node<void*, void*>;
  using Pair = std::tuple<void*, void*>;
  static void* PassOn(void* message) noexcept { return message; }

  tbb::flow::graph graph_;
  Node top_{graph_, tbb::flow::unlimited, &PassOn};
  Node left_{graph_, tbb::flow::unlimited, &PassOn};
  Node right_{graph_, tbb::flow::unlimited, &PassOn};
  tbb::flow::join_node<Pair, tbb::flow::queueing> join_{graph_};
  tbb::flow::function_node<Pair, void*> end_{
      graph_, tbb::flow::unlimited, [](const Pair& pair) noexcept { return std::get<0>(pair); }};
};

constexpr int kStages = 100;
constexpr Goal kAtMostHalfMore{.of_ratio = true, .at_most = true, .bound = 1.5};

// A chain of ours and the two raw ones, with a payload of `num_bytes`.
void MeasureHops(engine::Engine& engine, const std::string& size, int64_t num_bytes,
                 const Options& options, std::vector<Metric>& metrics) {
  const engine::FlowHandle flow = Deploy(engine, Chain(kStages));
  const Batch batch = MakeBatch(num_bytes);
  void* const message = batch.column(0).dense().data_ptr();
  RawChain<tbb::flow::queueing> raw(kStages);
  RawChain<tbb::flow::lightweight> lightweight(kStages);
  constexpr int kRuns = 300;
  const auto values = Interleave(
      options.quick ? 51 : 201,
      {[&] { return NanosecondsPer(kRuns, [&] { RunOnce(engine, *flow, batch); }) / kStages; },
       [&] { return NanosecondsPer(kRuns, [&] { raw.Run(message); }) / kStages; },
       [&] { return NanosecondsPer(kRuns, [&] { lightweight.Run(message); }) / kStages; }});
  metrics.push_back({.name = "hop_" + size,
                     .unit = "ns",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "a raw TBB node",
                     .goal = kAtMostHalfMore});
  metrics.push_back({.name = "hop_" + size + "_lightweight",
                     .unit = "ns",
                     .values = values[0],
                     .baselines = values[2],
                     .baseline_name = "a raw lightweight TBB node"});
}

void MeasureDiamond(engine::Engine& engine, std::vector<Metric>& metrics) {
  const engine::FlowHandle flow = Deploy(engine, Diamond());
  const Batch batch = MakeBatch(8);
  RawDiamond raw;
  int message = 0;
  constexpr int kRuns = 2000;
  const auto values = Interleave(
      51, {[&] { return NanosecondsPer(kRuns, [&] { RunOnce(engine, *flow, batch); }) / 1e3; },
           [&] { return NanosecondsPer(kRuns, [&] { raw.Run(&message); }) / 1e3; }});
  metrics.push_back({.name = "fan_out_2_tasks",
                     .unit = "us",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "a raw TBB diamond"});
}

// `num_requests` of them, at most 64 at once.
double SubmittedPerSecond(engine::Engine& engine, engine::DeployedFlow& flow, const Batch& batch,
                          int num_requests) {
  std::atomic<int> under_way = 0;
  const double nanoseconds = NanosecondsPer(1, [&] {
    for (int i = 0; i < num_requests; ++i) {
      for (int now = under_way; now >= 64; now = under_way) under_way.wait(now);
      ++under_way;
      engine.Submit(flow, batch, {}, [&](Result<Batch>) {
        --under_way;
        under_way.notify_one();
      });
    }
    for (int now = under_way; now > 0; now = under_way) under_way.wait(now);
  });
  return num_requests / (nanoseconds / 1e9);
}

void MeasureRequests(const Options& options, std::vector<Metric>& metrics) {
  engine::Engine engine({.num_workers = 0, .factories = Factories(), .clock = nullptr});
  const engine::FlowHandle flow = Deploy(engine, Chain(1));
  const Batch batch = MakeBatch(8);
  const auto values = Interleave(
      options.quick ? 11 : 31,
      {[&] { return 1e9 / NanosecondsPer(100'000, [&] { RunOnce(engine, *flow, batch); }); },
       [&] { return SubmittedPerSecond(engine, *flow, batch, 50'000); }});
  metrics.push_back({.name = "requests_run",
                     .unit = "requests/s",
                     .values = values[0],
                     .baselines = {},
                     .baseline_name = ""});
  metrics.push_back({.name = "requests_submit",
                     .unit = "requests/s",
                     .values = values[1],
                     .baselines = {},
                     .baseline_name = ""});
}

int Main(int argc, char** argv) {
  const Options options =
      ParseOptions(argc, argv, "hop: what it costs to hand a request from one stage to the next");
  std::vector<Metric> metrics;
  {
    engine::Engine engine({.num_workers = 0, .factories = Factories(), .clock = nullptr});
    MeasureHops(engine, "8B", 8, options, metrics);
    MeasureHops(engine, "100MB", 100'000'000, options, metrics);
    if (!options.quick) MeasureDiamond(engine, metrics);
  }
  MeasureRequests(options, metrics);
  Print("hop", metrics, options);
  return 0;
}

}  // namespace
}  // namespace raceway::bench

int main(int argc, char** argv) { return raceway::bench::Main(argc, argv); }
