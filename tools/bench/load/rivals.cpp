#include <unistd.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "tools/bench/load/fork.h"
#include "tools/bench/load/parts.h"
#include "tools/bench/process.h"

namespace raceway::bench {
namespace {

using engine::load::Strategy;

constexpr const char* kPython = ".venv/bin/python";

const Disk kAsItIs{.name = "disk", .bytes_per_second = std::nullopt};

/// In turn with theirs, on the same disk.
void AddOurs(Metric& metric, const LoadModel& model) {
  const auto figures = RunCold({.strategy = Strategy::kRaceway, .model = &model, .disk = kAsItIs});
  if (figures) metric.baselines.push_back(figures->milliseconds);
}

/// What the script says of one model: {RIVAL: {"ms": …, "GB/s": …}}.
nlohmann::json AskRivals(const LoadModel& model) {
  Process script({kPython, "tools/bench/load_rivals.py", model.name}, Process::Io::kTalks);
  nlohmann::json answer = nlohmann::json::parse(script.ReadLine());
  script.Wait();
  return answer;
}

}  // namespace

void MeasureRivals(LoadBench& bench) {
  if (::access(kPython, X_OK) != 0) Stop("no .venv/bin/python (tools/setup makes it)", 4);
  for (const LoadModel& model : bench.models) {
    const bool is_real = model.kind == ModelKind::kMiniLm || model.kind == ModelKind::kEfficientNet;
    if (is_real) continue;  // no network in Python that would take their weights
    Say(model.name + ", loaders of others");
    std::map<std::string, Metric> times;
    std::map<std::string, Metric> rates;
    for (int repetition = 0; repetition < bench.repetitions; ++repetition) {
      const nlohmann::json answer = AskRivals(model);
      for (const auto& [rival, figures] : answer.items()) {
        Metric& time = times[rival];
        time.name = model.name + "_rival_" + rival;
        time.unit = "ms";
        time.baseline_name = "raceway";
        time.values.push_back(figures["ms"]);
        AddOurs(time, model);
        Metric& rate = rates[rival];
        rate.name = time.name + "_rate";
        rate.unit = "GB/s";
        rate.values.push_back(figures["GB/s"]);
      }
    }
    for (auto& [rival, time] : times) {
      bench.metrics.push_back(std::move(time));
      bench.metrics.push_back(std::move(rates[rival]));
    }
  }
}

}  // namespace raceway::bench
