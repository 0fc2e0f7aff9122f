#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/load/strategies/strategy.h"
#include "tools/bench/load/measure.h"
#include "tools/bench/load/models.h"
#include "tools/bench/report.h"

/// The parts of `tools/bench/run load`. Each adds its metrics, whose names begin with those of the
/// model and of the disk.
namespace raceway::bench {

struct LoadBench {
  std::vector<LoadModel> models;
  std::vector<engine::load::Strategy> strategies;
  int repetitions = 5;
  double trace_minutes = 10;     // of the hour
  double trace_compression = 2;  // so many times as fast as it was
  std::filesystem::path folder;  // for what is written: rows and pictures
  std::map<std::string, WarmFigures> warm = {};
  std::vector<Metric> metrics = {};

  /// Measured when it is first asked for.
  const WarmFigures& WarmOf(const LoadModel& model);
  bool Has(engine::load::Strategy strategy) const;
};

/// "…" on standard error: what is going on.
void Say(const std::string& what);

std::string NameOf(engine::load::Strategy strategy);

/// Not above the baseline by more than the repetitions are apart, in whole percent.
Goal WithinSpread(const Metric& metric);

/// From the request to the answer on a disk: every strategy, the limit beside each.
void MeasureCold(LoadBench& bench, const Disk& disk);
/// Out of the page cache, against mmap, with checksums and without.
void MeasureHot(LoadBench& bench);
/// The most memory of a load, and a structure without weights.
void MeasureMemory(LoadBench& bench);
/// Two models at once, and an urgent one beside a bulk load.
void MeasureTwo(LoadBench& bench);
/// Part of an hour of requests as they came to Azure Functions.
void MeasureTrace(LoadBench& bench);
/// Loaders of others, in Python.
void MeasureRivals(LoadBench& bench);

}  // namespace raceway::bench
