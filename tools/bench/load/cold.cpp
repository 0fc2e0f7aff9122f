#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "tools/bench/load/fork.h"
#include "tools/bench/load/parts.h"

namespace raceway::bench {
namespace {

using engine::load::Strategy;

constexpr double kEta = 0.9;
constexpr double kBelowPisel = 39.9;  // %
constexpr double kTimesStock = 2;
constexpr Goal kEtaGoal{.of_ratio = false, .at_most = false, .bound = kEta};

/// The repetitions of one strategy.
struct Series {
  Strategy strategy;
  std::vector<double> milliseconds = {};
  std::vector<double> utilisation = {};
  bool is_left_out = false;  // it does not take this model
};

/// Those that are also measured in processes that have never seen the model.
constexpr Strategy kFirst[] = {Strategy::kSequential, Strategy::kRaceway};

/// A model on a disk.
struct Comparison {
  std::string name;  // "vgg11_2GBs"
  const LoadModel* model;
  std::vector<double> limits = {};  // milliseconds
  bool bytes_dominate = false;
  std::vector<Series> series = {};
  std::vector<Series> first = {};  // by those of kFirst; in processes that did not know the model

  const Series* Find(Strategy strategy) const {
    const auto found = std::find_if(series.begin(), series.end(), [&](const Series& one) {
      return one.strategy == strategy && !one.is_left_out;
    });
    return found == series.end() ? nullptr : &*found;
  }
};

double MedianOf(const std::vector<double>& values) {
  return Metric{.name = "", .unit = "", .values = values, .baselines = {}, .baseline_name = ""}
      .value();
}

void AddRun(const Comparison& comparison, Series& series, const Disk& disk, bool was_known,
            std::optional<uint32_t>& answer) {
  if (series.is_left_out) return;
  const std::optional<ColdFigures> figures = RunCold({.strategy = series.strategy,
                                                      .model = comparison.model,
                                                      .disk = disk,
                                                      .was_known = was_known});
  if (!figures) {
    Say(NameOf(series.strategy) + " leaves out " + comparison.model->name);
    series.is_left_out = true;
    return;
  }
  if (answer.value_or(figures->answer) != figures->answer) {
    Stop(NameOf(series.strategy) + " answers something else for " + comparison.model->name);
  }
  answer = figures->answer;
  series.milliseconds.push_back(figures->milliseconds);
  series.utilisation.push_back(100 * figures->utilisation);
}

Comparison Compare(LoadBench& bench, const LoadModel& model, const Disk& disk) {
  Comparison comparison{.name = model.name + "_" + disk.name, .model = &model};
  for (const Strategy strategy : bench.strategies) comparison.series.push_back({strategy});
  // Where the disk is the machine's own, all is as it is.
  if (!disk.is_throttled()) {
    for (const Strategy strategy : kFirst) comparison.first.push_back({strategy});
  }
  const WarmFigures& warm = bench.WarmOf(model);
  std::optional<uint32_t> answer;
  for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
    const engine::load::LoadRates rates = RatesOf(model, disk);
    comparison.limits.push_back(LimitOf(warm, rates));
    comparison.bytes_dominate = BytesDominate(warm, rates);
    for (Series& series : comparison.series) AddRun(comparison, series, disk, true, answer);
    for (Series& series : comparison.first) AddRun(comparison, series, disk, false, answer);
    // Each goes first in its turn.
    std::rotate(comparison.series.begin(), comparison.series.begin() + 1, comparison.series.end());
  }
  return comparison;
}

void AddTimes(LoadBench& bench, const Comparison& comparison) {
  for (const Series& series : comparison.first) {
    if (series.is_left_out) continue;
    bench.metrics.push_back({.name = comparison.name + "_first_" + NameOf(series.strategy),
                             .unit = "ms",
                             .values = series.milliseconds,
                             .baselines = comparison.limits,
                             .baseline_name = "the limit"});
  }
  for (const Strategy strategy : bench.strategies) {
    const Series* series = comparison.Find(strategy);
    if (series == nullptr) continue;
    bench.metrics.push_back({.name = comparison.name + "_" + NameOf(strategy),
                             .unit = "ms",
                             .values = series->milliseconds,
                             .baselines = comparison.limits,
                             .baseline_name = "the limit"});
    if (strategy != Strategy::kCicada && strategy != Strategy::kRaceway) continue;
    bench.metrics.push_back({.name = comparison.name + "_utilisation_" + NameOf(strategy),
                             .unit = "%",
                             .values = series->utilisation,
                             .baselines = {},
                             .baseline_name = ""});
  }
}

void AddEta(LoadBench& bench, const Comparison& comparison, const Series& ours) {
  Metric eta{.name = comparison.name + "_eta",
             .unit = "",
             .values = {},
             .baselines = {},
             .baseline_name = ""};
  for (size_t i = 0; i < comparison.limits.size(); ++i) {
    eta.values.push_back(comparison.limits[i] / ours.milliseconds[i]);
  }
  if (comparison.bytes_dominate) eta.goal = kEtaGoal;
  bench.metrics.push_back(std::move(eta));
}

/// Against the fastest of the others; what lies within the spread counts as met.
void AddBest(LoadBench& bench, const Comparison& comparison, const Series& ours) {
  const Series* best = nullptr;
  for (const Series& series : comparison.series) {
    if (series.strategy == Strategy::kRaceway || series.is_left_out) continue;
    if (best == nullptr || MedianOf(series.milliseconds) < MedianOf(best->milliseconds)) {
      best = &series;
    }
  }
  if (best == nullptr) return;
  Metric metric{.name = comparison.name + "_best",
                .unit = "ms",
                .values = ours.milliseconds,
                .baselines = best->milliseconds,
                .baseline_name = NameOf(best->strategy)};
  metric.goal = WithinSpread(metric);
  bench.metrics.push_back(std::move(metric));
}

bool IsMeantToBeTwiceAsFast(const LoadModel& model) {
  return model.kind == ModelKind::kVgg || model.kind == ModelKind::kOpt ||
         model.kind == ModelKind::kLlama;
}

void AddTwice(LoadBench& bench, const Comparison& comparison, const Series& ours) {
  const Series* stock = comparison.Find(Strategy::kSequential);
  if (stock == nullptr || !IsMeantToBeTwiceAsFast(*comparison.model)) return;
  Metric metric{.name = comparison.name + "_stock",
                .unit = "ms",
                .values = ours.milliseconds,
                .baselines = stock->milliseconds,
                .baseline_name = "torch::jit::load"};
  const bool is_possible =
      kTimesStock * MedianOf(comparison.limits) <= MedianOf(stock->milliseconds);
  if (is_possible) metric.goal = Goal{.bound = 1 / kTimesStock};
  bench.metrics.push_back(std::move(metric));
}

/// How far below PISeL, on average of the models.
void AddBelowPisel(LoadBench& bench, const std::vector<Comparison>& comparisons, const Disk& disk) {
  Metric metric{.name = "below_pisel_" + disk.name,
                .unit = "%",
                .values = {},
                .baselines = {},
                .baseline_name = ""};
  for (size_t i = 0; i < static_cast<size_t>(bench.repetitions); ++i) {
    std::vector<double> below;
    for (const Comparison& comparison : comparisons) {
      const Series* pisel = comparison.Find(Strategy::kPisel);
      const Series* ours = comparison.Find(Strategy::kRaceway);
      if (pisel == nullptr || ours == nullptr) continue;
      below.push_back(100 * (1 - ours->milliseconds[i] / pisel->milliseconds[i]));
    }
    if (below.empty()) return;
    metric.values.push_back(std::accumulate(below.begin(), below.end(), 0.0) /
                            static_cast<double>(below.size()));
  }
  if (disk.bytes_per_second == 2e9) {
    metric.goal = Goal{.of_ratio = false, .at_most = false, .bound = kBelowPisel};
  }
  bench.metrics.push_back(std::move(metric));
}

}  // namespace

void MeasureCold(LoadBench& bench, const Disk& disk) {
  std::vector<Comparison> comparisons;
  for (const LoadModel& model : bench.models) {
    Say(model.name + ", " + disk.name);
    comparisons.push_back(Compare(bench, model, disk));
    const Comparison& comparison = comparisons.back();
    AddTimes(bench, comparison);
    const Series* ours = comparison.Find(Strategy::kRaceway);
    if (ours == nullptr) continue;
    AddEta(bench, comparison, *ours);
    AddBest(bench, comparison, *ours);
    AddTwice(bench, comparison, *ours);
  }
  AddBelowPisel(bench, comparisons, disk);
}

}  // namespace raceway::bench
