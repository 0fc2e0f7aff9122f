// What does the engine cost beside what the operators compute?
//
// Flows of operators that do nothing, one request at a time unless said otherwise, against raw TBB
// graphs of the same shape that pass a pointer, in the same run; and against Taskflow where it is
// there. What a raw graph does for a hop is make a task; an engine does more for a request (rows
// are checked, an answer is handed over) and may do less for a hop.

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench/engine_bench.h"

namespace raceway::bench {
namespace {

using engine::Batch;

// Whole requests: what comes and goes with a request is the same on both sides.
void MeasureFusedChain(EngineBench& bench) {
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

void MeasureLongChain(EngineBench& bench) {
  std::vector<EngineBench::Rival> rivals;
  rivals.push_back({"", "a raw TBB chain", TbbChain(1000, TbbNode::kTask), Below(5)});
  rivals.push_back({"_taskflow", "a Taskflow chain", TaskflowChain(1000)});
  bench.AgainstGraphs("chain_1000", "ms", 1e6, 101, 20, Chain(1000), IdleBatch(8),
                      std::move(rivals));
}

// As the compiler makes branches that do nothing, and as it makes those that are worth a task each.
void MeasureFans(EngineBench& bench) {
  for (const bool tasks : {false, true}) {
    for (const int num_branches : {2, 4, 8, 16}) {
      std::vector<EngineBench::Rival> rivals;
      rivals.push_back({"", "a raw TBB graph", TbbFan(num_branches), Below(20)});
      if (tasks) rivals.push_back({"_taskflow", "Taskflow", TaskflowFan(num_branches)});
      bench.AgainstGraphs((tasks ? "fan_tasks_" : "fan_") + std::to_string(num_branches), "us", 1e3,
                          101, 500, Fan(num_branches, tasks), IdleBatch(8), std::move(rivals));
    }
  }
}

void MeasureRequests(EngineBench& bench) {
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
                  [&] { return TbbMessagesPerSecond(kRequests, EngineBench::kAtOnce); }});
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
  EngineBench bench(options);
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
