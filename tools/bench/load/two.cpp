#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/load/chunk_reader.h"
#include "engine/load/read_scheduler.h"
#include "engine/load/reader.h"
#include "engine/load/streamed_module.h"
#include "tools/bench/load/disk.h"
#include "tools/bench/load/fork.h"
#include "tools/bench/load/parts.h"

namespace raceway::bench {
namespace {

namespace load = engine::load;
using Modules = std::shared_ptr<load::StreamedModule>;

constexpr double kDisk = 1e9;  // bytes per second, whatever the machine's own does

const engine::SteadyClock kClock;

std::unique_ptr<load::ReadScheduler> MakeScheduler() {
  auto disk = std::make_shared<load::Throttle>(load::ThrottleOptions{.bytes_per_second = kDisk});
  return std::make_unique<load::ReadScheduler>(load::MakeChunkReader({}, std::move(disk)),
                                               load::ReadQueueOptions(), kClock);
}

Modules Begin(load::ReadScheduler& scheduler, const LoadModel& model, load::Urgency urgency) {
  auto module = load::StreamedModule::Load(scheduler, model.path, {.load = {.urgency = urgency}});
  if (!module) Stop(model.name + ": " + module.error().Text());
  return *std::move(module);
}

/// Milliseconds from the request to the answer.
double Answer(load::ReadScheduler& scheduler, const LoadModel& model) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  const std::vector<c10::IValue> inputs = InputsOf(model);
  const engine::TimePoint begin = kClock.Now();
  const Modules streamed = Begin(scheduler, model, load::Urgency::kNear);
  torch::jit::Module module = streamed->module();
  module.eval();
  try {
    streamed->Run(engine::CancelToken(), [&] { return module.forward(inputs); });
  } catch (const load::WeightMissing& missing) {
    Stop(model.name + ": " + missing.error.Text());
  }
  return std::chrono::duration<double, std::milli>(kClock.Now() - begin).count();
}

nlohmann::json AnswerAlone(const LoadModel& model) {
  GetToKnow(model);
  const auto scheduler = MakeScheduler();
  return Answer(*scheduler, model);
}

/// Waits until some of a load has arrived.
void LetBegin(const Modules& module) {
  const int32_t all = module->job().CountPending();
  while (all > 0 && module->job().CountPending() > all - all / 20 - 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

nlohmann::json AnswerBesideBulk(const LoadModel& model, const LoadModel& bulk) {
  GetToKnow(model);
  MakeHot(bulk.path);
  const auto scheduler = MakeScheduler();
  const engine::TimePoint begin = kClock.Now();
  const Modules other = Begin(*scheduler, bulk, load::Urgency::kBulk);
  LetBegin(other);
  if (other->job().CountPending() == 0) Stop(bulk.name + " is there too early to be in the way");
  const double milliseconds = Answer(*scheduler, model);
  if (!other->WaitAll()) Stop("cannot load " + bulk.name);
  const std::chrono::duration<double, std::milli> took = kClock.Now() - begin;
  return {{"ms", milliseconds}, {"bulk_ms", took.count()}};
}

nlohmann::json AnswerBoth(const LoadModel& first, const LoadModel& second) {
  GetToKnow(first);
  GetToKnow(second);
  const auto scheduler = MakeScheduler();
  const engine::TimePoint begin = kClock.Now();
  std::thread other([&] { Answer(*scheduler, second); });
  Answer(*scheduler, first);
  other.join();
  return std::chrono::duration<double, std::milli>(kClock.Now() - begin).count();
}

void MeasureUrgent(LoadBench& bench, const LoadModel& urgent, const LoadModel& bulk) {
  const std::string name = urgent.name + "_beside_" + bulk.name;
  Metric metric{.name = name,
                .unit = "ms",
                .values = {},
                .baselines = {},
                .baseline_name = "alone",
                .goal = Goal{.bound = 1.2}};
  Metric of_bulk{.name = name + "_bulk",
                 .unit = "ms",
                 .values = {},
                 .baselines = {},
                 .baseline_name = "the disk alone, for both"};
  const double disk_ms = 1e3 * static_cast<double>(urgent.num_bytes + bulk.num_bytes) / kDisk;
  for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
    metric.baselines.push_back(InFork([&] { return AnswerAlone(urgent); }));
    const nlohmann::json beside = InFork([&] { return AnswerBesideBulk(urgent, bulk); });
    metric.values.push_back(beside["ms"]);
    of_bulk.values.push_back(beside["bulk_ms"]);
    of_bulk.baselines.push_back(disk_ms);
  }
  bench.metrics.push_back(std::move(metric));
  bench.metrics.push_back(std::move(of_bulk));
}

void MeasureBoth(LoadBench& bench, const LoadModel& first, const LoadModel& second) {
  Metric metric{.name = first.name + "_and_" + second.name,
                .unit = "ms",
                .values = {},
                .baselines = {},
                .baseline_name = "one after the other"};
  for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
    const double one = InFork([&] { return AnswerAlone(first); });
    const double other = InFork([&] { return AnswerAlone(second); });
    metric.baselines.push_back(one + other);
    metric.values.push_back(InFork([&] { return AnswerBoth(first, second); }));
  }
  bench.metrics.push_back(std::move(metric));
}

/// The largest of up to 1 GB: longer than what is urgent, and no longer than need be.
const LoadModel* BulkOf(const std::vector<LoadModel>& models) {
  const LoadModel* largest = nullptr;
  for (const LoadModel& model : models) {
    if (model.num_bytes > 1'000'000'000) continue;
    if (largest == nullptr || model.num_bytes > largest->num_bytes) largest = &model;
  }
  return largest;
}

}  // namespace

void MeasureTwo(LoadBench& bench) {
  const LoadModel* bulk = BulkOf(bench.models);
  if (bulk == nullptr) return;
  for (const LoadModel& model : bench.models) {
    // What is nearly as long as the bulk load would outlast it.
    if (2 * model.num_bytes > bulk->num_bytes) continue;
    Say(model.name + " beside " + bulk->name);
    MeasureUrgent(bench, model, *bulk);
    MeasureBoth(bench, model, *bulk);
  }
}

}  // namespace raceway::bench
