#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/load/load_limit.h"
#include "engine/load/strategies/strategy.h"
#include "tools/bench/load/models.h"

namespace raceway::bench {

/// The disk that a model comes from.
struct Disk {
  std::string name;                        // in metrics: "2GBs", "disk", "hot"
  std::optional<double> bytes_per_second;  // a throttle; the page cache lies behind it
  bool is_hot = false;                     // the page cache has the file; else it is cold

  bool is_throttled() const { return bytes_per_second.has_value(); }
};

/// One cold request.
struct ColdRun {
  engine::load::Strategy strategy;
  const LoadModel* model;
  Disk disk;
  engine::load::Verify verify = engine::load::Verify::kBeforePublish;
  bool was_known = true;  // this process has answered with the model before, and let go of it
};

struct ColdFigures {
  double milliseconds = 0;  // from the request to its answer
  double peak_bytes = 0;    // above what the process had before
  double share_bytes = 0;   // that stay, as its share: others may have the same in memory
  double utilisation = 0;   // Cicada's: of the time, some stage was active
  uint32_t answer = 0;      // its checksum
};

/// What an engine that has been running for a while has behind it: LibTorch's threads, kernels of
/// each kind, the loader's readers. To be called in a fork. Leaves nothing to share or to
/// transform.
void AnswerForAnother(engine::load::Strategy strategy, bool is_bf16);

/// Makes LibTorch's kernels for the shapes of a model, and leaves nothing of it in memory. To be
/// called in a fork; the file is in the page cache afterwards.
void GetToKnow(const LoadModel& model);

/// Answers once, in a process of its own. None where this strategy does not take this model. Ends
/// the bench if it fails.
std::optional<ColdFigures> RunCold(const ColdRun& run);

/// What is known of a model once it is in memory.
struct WarmFigures {
  std::vector<engine::load::UseStep> steps;
  double weight_bytes = 0;
  double activation_bytes = 0;  // the most that an answer takes beside the weights
};

WarmFigures MeasureWarm(const LoadModel& model);

/// The rates of this moment: of the disk, or of the throttle and the page cache behind it.
engine::load::LoadRates RatesOf(const LoadModel& model, const Disk& disk);

/// In milliseconds: what no load can beat.
double LimitOf(const WarmFigures& warm, const engine::load::LoadRates& rates);

/// Whether the reading is most of that.
bool BytesDominate(const WarmFigures& warm, const engine::load::LoadRates& rates);

}  // namespace raceway::bench
