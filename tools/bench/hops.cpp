#include "tools/bench/engine_bench.h"

namespace raceway::bench {
namespace {

constexpr int kStages = 100;

}  // namespace

void MeasureHops(EngineBench& bench) {
  struct Size {
    const char* name;
    int64_t num_bytes;
  };
  std::vector<double> smallest;
  for (const Size& size :
       {Size{"8B", 8}, {"1kB", 1000}, {"1MB", 1'000'000}, {"100MB", 100'000'000}}) {
    std::vector<EngineBench::Rival> rivals;
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

}  // namespace raceway::bench
