#pragma once

#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tools/bench/idle_flows.h"
#include "tools/bench/raw_graphs.h"
#include "tools/bench/report.h"

/// What the benches of the engine share: flows of operators that do nothing, one request at a time
/// unless said otherwise, against raw TBB graphs of the same shape that pass a pointer, in the same
/// run; and against Taskflow where it is there.
namespace raceway::bench {

constexpr Goal AtMostTimes(double ratio) {
  return {.of_ratio = true, .at_most = true, .bound = ratio};
}
constexpr Goal Below(double value) {
  return {.of_ratio = false, .at_most = true, .bound = value, .is_strict = true};
}

/// The engine under measure, and the metrics so far.
class EngineBench {
 public:
  explicit EngineBench(const Options& options)
      : is_quick_(options.quick),
        engine_({.num_workers = 0, .factories = IdleFactories(), .may_raise_thread_limit = true}) {}

  /// How many repetitions, given those of a full run.
  int Repetitions(int full) const { return is_quick_ ? full / 4 : full; }

  engine::FlowHandle Deploy(const engine::PhysicalPlan& plan) {
    engine::Result<engine::FlowHandle> flow = engine_.Deploy(plan, ".");
    if (flow) return *std::move(flow);
    std::cerr << "engine: " << flow.error().Text() << "\n";
    std::exit(1);
  }
  void Run(engine::DeployedFlow& flow, const engine::Batch& batch) {
    if (engine_.Run(flow, batch)) return;
    std::cerr << "engine: a request failed\n";
    std::exit(1);
  }
  /// `num_requests` of them, at most `kAtOnce` under way.
  double SubmittedPerSecond(engine::DeployedFlow& flow, const engine::Batch& batch,
                            int num_requests) {
    std::atomic<int> under_way = 0;
    const double nanoseconds = NanosecondsPer(1, [&] {
      for (int i = 0; i < num_requests; ++i) {
        for (int now = under_way; now >= kAtOnce; now = under_way) under_way.wait(now);
        ++under_way;
        engine_.Submit(flow, batch, {}, [&under_way](engine::Result<engine::Batch>) {
          --under_way;
          under_way.notify_one();
        });
      }
      for (int now = under_way; now > 0; now = under_way) under_way.wait(now);
    });
    return num_requests / (nanoseconds / 1e9);
  }

  /// A request through `flow` against a run through each of the raw graphs; those that are null are
  /// left out. The time of `per` of them is one unit.
  struct Rival {
    std::string suffix;  // of the metric
    std::string name;
    std::unique_ptr<RawGraph> graph;
    std::optional<Goal> goal = std::nullopt;
  };
  void AgainstGraphs(const std::string& name, const std::string& unit, double nanoseconds_per_unit,
                     int repetitions, int runs, const engine::PhysicalPlan& plan,
                     const engine::Batch& batch, std::vector<Rival> rivals) {
    const engine::FlowHandle flow = Deploy(plan);
    const auto timed = [&](auto&& work) {
      return NanosecondsPer(runs, work) / nanoseconds_per_unit;
    };
    std::vector<std::function<double()>> measures = {
        [&] { return timed([&] { Run(*flow, batch); }); }};
    std::erase_if(rivals, [](const Rival& rival) { return rival.graph == nullptr; });
    for (const Rival& rival : rivals) {
      measures.emplace_back(
          [&timed, &graph = *rival.graph] { return timed([&] { graph.Run(); }); });
    }
    const auto values = Interleave(Repetitions(repetitions), measures);
    for (size_t i = 0; i < rivals.size(); ++i) {
      metrics.push_back({.name = name + rivals[i].suffix,
                         .unit = unit,
                         .values = values[0],
                         .baselines = values[i + 1],
                         .baseline_name = rivals[i].name,
                         .goal = rivals[i].goal});
    }
  }

  std::vector<Metric> metrics;

  static constexpr int kAtOnce = 64;

 private:
  const bool is_quick_;
  engine::Engine engine_;
};

/// A stage's share of a request through a chain that is not fused, for payloads of 8 B to 100 MB.
void MeasureHops(EngineBench& bench);

}  // namespace raceway::bench
