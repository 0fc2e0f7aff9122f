#include <optional>
#include <utility>

#include "tools/bench/load/fork.h"
#include "tools/bench/load/parts.h"

namespace raceway::bench {
namespace {

using engine::load::Strategy;
using engine::load::Verify;

ColdFigures OneRun(const LoadModel& model, Strategy strategy, Verify verify) {
  const std::optional<ColdFigures> figures =
      RunCold({.strategy = strategy,
               .model = &model,
               .disk = {.name = "hot", .bytes_per_second = std::nullopt, .is_hot = true},
               .verify = verify});
  if (!figures) Stop(NameOf(strategy) + " does not take " + model.name);
  return *figures;
}

void CompareWithMmap(LoadBench& bench, const LoadModel& model, Verify verify,
                     const std::string& what) {
  Metric metric{.name = model.name + "_hot_" + what,
                .unit = "ms",
                .values = {},
                .baselines = {},
                .baseline_name = "mmap"};
  for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
    metric.values.push_back(OneRun(model, Strategy::kRaceway, verify).milliseconds);
    metric.baselines.push_back(OneRun(model, Strategy::kMmap, verify).milliseconds);
  }
  metric.goal = WithinSpread(metric);
  bench.metrics.push_back(std::move(metric));
}

}  // namespace

void MeasureHot(LoadBench& bench) {
  for (const LoadModel& model : bench.models) {
    Say(model.name + ", hot");
    CompareWithMmap(bench, model, Verify::kBeforePublish, "checked");
    CompareWithMmap(bench, model, Verify::kNever, "unchecked");
  }
}

}  // namespace raceway::bench
