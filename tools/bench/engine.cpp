// What does the engine cost beside what the operators compute?
//
// Flows of operators that do nothing, one request at a time unless said otherwise, against raw TBB
// graphs of the same shape that pass a pointer, in the same run; and against Taskflow where it is
// there. What a raw graph does for a hop is make a task; an engine does more for a request (rows
// are checked, an answer is handed over) and may do less for a hop.

#include <atomic>
#include <cstdlib>
#include <future>
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

namespace raceway::bench {
namespace {

using engine::Batch;
using engine::Result;

constexpr int kStages = 100;
constexpr int kAtOnce = 64;

constexpr Goal AtMostTimes(double ratio) {
  return {.of_ratio = true, .at_most = true, .bound = ratio};
}
constexpr Goal Below(double value) {
  return {.of_ratio = false, .at_most = true, .bound = value, .is_strict = true};
}

/// The engine under measure, and the metrics so far.
class Bench {
 public:
  explicit Bench(const Options& options)
      : is_quick_(options.quick),
        engine_({.num_workers = 0, .factories = IdleFactories(), .may_raise_thread_limit = true}) {}

  /// How many repetitions, given those of a full run.
  int Repetitions(int full) const { return is_quick_ ? full / 4 : full; }

  engine::FlowHandle Deploy(const engine::PhysicalPlan& plan) {
    Result<engine::FlowHandle> flow = engine_.Deploy(plan, ".");
    if (flow) return *std::move(flow);
    std::cerr << "engine: " << flow.error().Text() << "\n";
    std::exit(1);
  }
  void Run(engine::DeployedFlow& flow, const Batch& batch) {
    if (engine_.Run(flow, batch)) return;
    std::cerr << "engine: a request failed\n";
    std::exit(1);
  }
  /// `num_requests` of them, at most `kAtOnce` under way.
  double SubmittedPerSecond(engine::DeployedFlow& flow, const Batch& batch, int num_requests) {
    std::atomic<int> under_way = 0;
    const double nanoseconds = NanosecondsPer(1, [&] {
      for (int i = 0; i < num_requests; ++i) {
        for (int now = under_way; now >= kAtOnce; now = under_way) under_way.wait(now);
        ++under_way;
        engine_.Submit(flow, batch, {}, [&under_way](Result<Batch>) {
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
                     const Batch& batch, std::vector<Rival> rivals) {
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

 private:
  const bool is_quick_;
  engine::Engine engine_;
};

void MeasureHops(Bench& bench) {
  struct Size {
    const char* name;
    int64_t num_bytes;
  };
  std::vector<double> smallest;
  for (const Size& size :
       {Size{"8B", 8}, {"1kB", 1000}, {"1MB", 1'000'000}, {"100MB", 100'000'000}}) {
    std::vector<Bench::Rival> rivals;
    rivals.push_back({"", "a raw TBB node", TbbChain(kStages, TbbNode::kTask), AtMostTimes(1.5)});
    if (size.num_bytes == 8) {
      rivals.push_back(
          {"_lightweight", "a raw lightweight TBB node", TbbChain(kStages, TbbNode::kLightweight)});
      rivals.push_back({"_taskflow", "a task of Taskflow", TaskflowChain(kStages)});
    }
    const size_t at = bench.metrics.size();
    bench.AgainstGraphs(std::string("hop_") + size.name, "ns", kStages, 201, 200, Chain(kStages),
                        IdleBatch(size.num_bytes), std::move(rivals));
    if (size.num_bytes == 8) smallest = bench.metrics[at].values;
    if (size.num_bytes < 100'000'000) continue;
    bench.metrics.push_back({.name = "hop_100MB_to_8B",
                             .unit = "ns",
                             .values = bench.metrics[at].values,
                             .baselines = smallest,
                             .baseline_name = "a hop of 8 bytes",
                             .goal = AtMostTimes(1.1)});
  }
}

// Whole requests: what comes and goes with a request is the same on both sides.
void MeasureFusedChain(Bench& bench) {
  const Batch batch = IdleBatch(8);
  for (const int num_steps : {10, 100}) {
    const engine::FlowHandle fused = bench.Deploy(Fused(num_steps));
    const engine::FlowHandle looped = bench.Deploy(Looped(num_steps));
    const int runs = 20'000 / num_steps;
    const auto values = Interleave(
        bench.Repetitions(401),
        {[&] { return NanosecondsPer(runs, [&] { bench.Run(*fused, batch); }) / num_steps; },
         [&] { return NanosecondsPer(runs, [&] { bench.Run(*looped, batch); }) / num_steps; }});
    bench.metrics.push_back({.name = "fused_step_of_" + std::to_string(num_steps),
                             .unit = "ns",
                             .values = values[0],
                             .baselines = values[1],
                             .baseline_name = "one operator that calls them in a loop",
                             .goal = AtMostTimes(1.1)});
  }
}

void MeasureLongChain(Bench& bench) {
  std::vector<Bench::Rival> rivals;
  rivals.push_back({"", "a raw TBB chain", TbbChain(1000, TbbNode::kTask), Below(5)});
  rivals.push_back({"_taskflow", "a Taskflow chain", TaskflowChain(1000)});
  bench.AgainstGraphs("chain_1000", "ms", 1e6, 101, 20, Chain(1000), IdleBatch(8),
                      std::move(rivals));
}

// As the compiler makes branches that do nothing, and as it makes those that are worth a task each.
void MeasureFans(Bench& bench) {
  for (const bool tasks : {false, true}) {
    for (const int num_branches : {2, 4, 8, 16}) {
      std::vector<Bench::Rival> rivals;
      rivals.push_back({"", "a raw TBB graph", TbbFan(num_branches), Below(20)});
      if (tasks) rivals.push_back({"_taskflow", "Taskflow", TaskflowFan(num_branches)});
      bench.AgainstGraphs((tasks ? "fan_tasks_" : "fan_") + std::to_string(num_branches), "us", 1e3,
                          101, 500, Fan(num_branches, tasks), IdleBatch(8), std::move(rivals));
    }
  }
}

void MeasureRequests(Bench& bench) {
  const Goal at_least{.of_ratio = false, .at_most = false, .bound = 100'000};
  const Batch batch = IdleBatch(8);
  const engine::FlowHandle flow = bench.Deploy(Chain(1));
  const std::unique_ptr<RawGraph> raw = TbbChain(1, TbbNode::kTask);
  constexpr int kRequests = 20'000;
  const auto values =
      Interleave(bench.Repetitions(41),
                 {[&] { return 1e9 / NanosecondsPer(kRequests, [&] { bench.Run(*flow, batch); }); },
                  [&] { return 1e9 / NanosecondsPer(kRequests, [&] { raw->Run(); }); },
                  [&] { return bench.SubmittedPerSecond(*flow, batch, kRequests); },
                  [&] { return TbbMessagesPerSecond(kRequests, kAtOnce); }});
  bench.metrics.push_back({.name = "requests_run",
                           .unit = "requests/s",
                           .values = values[0],
                           .baselines = values[1],
                           .baseline_name = "a raw TBB node, one message at a time",
                           .goal = at_least});
  bench.metrics.push_back({.name = "requests_submit",
                           .unit = "requests/s",
                           .values = values[2],
                           .baselines = values[3],
                           .baseline_name = "a raw TBB node, 64 messages at once",
                           .goal = at_least});
}

int Main(int argc, char** argv) {
  const Options options =
      ParseOptions(argc, argv, "engine: what it costs beside what operators compute");
  if (const std::string why = WhyNoTaskflow(); !why.empty()) std::cerr << why << "\n";
  Bench bench(options);
  MeasureHops(bench);
  MeasureFusedChain(bench);
  MeasureLongChain(bench);
  MeasureFans(bench);
  MeasureRequests(bench);
  Print("engine", bench.metrics, options);
  return 0;
}

}  // namespace
}  // namespace raceway::bench

int main(int argc, char** argv) { return raceway::bench::Main(argc, argv); }
