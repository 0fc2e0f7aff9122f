#include <c10/core/InferenceMode.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/clock.h"
#include "engine/load/chunk_reader.h"
#include "engine/load/read_scheduler.h"
#include "engine/load/streamed_module.h"
#include "tools/bench/load/disk.h"
#include "tools/bench/load/fork.h"
#include "tools/bench/load/memory.h"
#include "tools/bench/load/parts.h"

namespace raceway::bench {
namespace {

namespace load = engine::load;
using load::Strategy;

constexpr uint64_t kLarge = 500'000'000;  // bytes, from which on the goal for memory holds
constexpr double kMegabyte = 1e6;

/// The strategies whose memory the issue compares: the stock load, those that share, ours.
constexpr Strategy kKeepers[] = {Strategy::kSequential, Strategy::kTetris, Strategy::kOptimus,
                                 Strategy::kRaceway};

void MeasurePeaks(LoadBench& bench, const LoadModel& model) {
  const WarmFigures& warm = bench.WarmOf(model);
  const double wanted = (warm.weight_bytes + warm.activation_bytes) / kMegabyte;
  for (const Strategy strategy : kKeepers) {
    if (!bench.Has(strategy)) continue;
    Metric peak{.name = model.name + "_peak_" + NameOf(strategy),
                .unit = "MB",
                .values = {},
                .baselines = {},
                .baseline_name = "weights and activations"};
    Metric share{.name = model.name + "_share_" + NameOf(strategy),
                 .unit = "MB",
                 .values = {},
                 .baselines = {},
                 .baseline_name = peak.baseline_name};
    for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
      const std::optional<ColdFigures> figures =
          RunCold({.strategy = strategy,
                   .model = &model,
                   .disk = {.name = "disk", .bytes_per_second = std::nullopt},
                   .was_known = false});
      if (!figures) break;
      peak.values.push_back(figures->peak_bytes / kMegabyte);
      share.values.push_back(figures->share_bytes / kMegabyte);
      peak.baselines.push_back(wanted);
      share.baselines.push_back(wanted);
    }
    if (peak.values.empty()) continue;
    if (strategy == Strategy::kRaceway) peak.goal = Goal{.bound = 1.05};
    bench.metrics.push_back(std::move(peak));
    bench.metrics.push_back(std::move(share));
  }
}

/// A disk that takes all requests and serves none before the end.
class StuckReader final : public load::Reader {
 public:
  ~StuckReader() override {
    for (const load::ReadDone& done : waiting_) done(-ECANCELED);
  }
  std::string_view name() const override { return "stuck"; }
  void Submit(const load::ReadRequest&, load::ReadDone done) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
  }

 private:
  std::mutex mutex_;
  std::vector<load::ReadDone> waiting_;
};

/// The structure, while not one weight arrives.
nlohmann::json MakeStructure(const LoadModel& model, const LoadModel& other, bool is_hot) {
  static const engine::SteadyClock clock;
  // Left behind with the process: the stuck reads end with it.
  auto* scheduler = new load::ReadScheduler(
      std::make_unique<load::ChunkReader>(std::make_unique<StuckReader>(),
                                          std::make_unique<StuckReader>(), load::NoteSink()),
      {}, clock);
  const c10::InferenceMode inference;
  // An engine that runs has made a structure before.
  if (!load::StreamedModule::Load(*scheduler, other.path)) Stop("cannot load " + other.name);
  is_hot ? MakeHot(model.path) : MakeCold(model.path);
  const PeakMemory peak;
  const engine::TimePoint begin = clock.Now();
  const auto module = load::StreamedModule::Load(*scheduler, model.path);
  const std::chrono::duration<double, std::milli> took = clock.Now() - begin;
  if (!module) Stop(model.name + ": " + module.error().Text());
  return {{"ms", took.count()}, {"peak", peak.AboveBaseline()}};
}

bool IsLlm(const LoadModel& model) {
  return model.kind == ModelKind::kLlama || model.kind == ModelKind::kOpt;
}

/// Of a billion weights.
bool HasGoal(const LoadModel& model) {
  return model.num_bytes / (model.is_bf16 ? 2 : 4) > 1'000'000'000;
}

void MeasureStructure(LoadBench& bench, const LoadModel& model, bool is_hot) {
  const std::string name = model.name + "_structure_" + (is_hot ? "hot" : "cold");
  const double weights = bench.WarmOf(model).weight_bytes;
  Metric time{.name = name, .unit = "ms", .values = {}, .baselines = {}, .baseline_name = ""};
  Metric resident{
      .name = name + "_resident", .unit = "%", .values = {}, .baselines = {}, .baseline_name = ""};
  if (HasGoal(model)) {
    time.goal = Goal{.of_ratio = false, .bound = 50, .is_strict = true};
    resident.goal = Goal{.of_ratio = false, .bound = 1, .is_strict = true};
  }
  for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
    const nlohmann::json made =
        InFork([&] { return MakeStructure(model, bench.models.front(), is_hot); });
    time.values.push_back(made["ms"]);
    resident.values.push_back(100 * made["peak"].get<double>() / weights);
  }
  bench.metrics.push_back(std::move(time));
  bench.metrics.push_back(std::move(resident));
}

}  // namespace

void MeasureMemory(LoadBench& bench) {
  for (const LoadModel& model : bench.models) {
    if (model.num_bytes < kLarge) continue;
    Say(model.name + ", memory");
    MeasurePeaks(bench, model);
    if (!IsLlm(model)) continue;
    MeasureStructure(bench, model, /*is_hot=*/true);
    MeasureStructure(bench, model, /*is_hot=*/false);
  }
}

}  // namespace raceway::bench
