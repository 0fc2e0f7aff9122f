#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <numeric>
#include <sstream>
#include <thread>
#include <utility>

#include "tools/bench/load/disk.h"
#include "tools/bench/load/fork.h"
#include "tools/bench/load/invocations.h"
#include "tools/bench/load/memory.h"
#include "tools/bench/load/parts.h"
#include "tools/bench/process.h"

namespace raceway::bench {
namespace {

namespace load = engine::load;
using load::Strategy;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr uint64_t kLargest = 600'000'000;  // bytes of a model, as the issue has it
constexpr double kDisk = 2e9;               // bytes per second
constexpr auto kSample = std::chrono::milliseconds(100);
/// Those that serve the trace; the others are simulated.
constexpr Strategy kServing[] = {Strategy::kSequential, Strategy::kPisel, Strategy::kCicada,
                                 Strategy::kRaceway};

struct Sample {
  double second;
  double resident_bytes;
};

/// Times in seconds, by invocation.
struct Served {
  std::vector<double> latencies;  // since the request came
  std::vector<double> times;      // since it was its turn
  std::vector<Sample> memory;
};

/// Writes down every now and then how much memory this process has.
class MemorySampler {
 public:
  explicit MemorySampler(Clock::time_point begin)
      : thread_([this, begin] {
          while (!is_over_) {
            samples_.push_back(
                {Seconds(Clock::now() - begin).count(), static_cast<double>(ResidentBytes())});
            std::this_thread::sleep_for(kSample);
          }
        }) {}
  ~MemorySampler() { End(); }
  MemorySampler(const MemorySampler&) = delete;

  const std::vector<Sample>& End() {
    is_over_ = true;
    if (thread_.joinable()) thread_.join();
    return samples_;
  }

 private:
  std::atomic<bool> is_over_ = false;
  std::vector<Sample> samples_;
  std::thread thread_;
};

/// One request at a time, each for a model that is not in memory: what it took goes with it.
nlohmann::json ServeAll(Strategy strategy, const std::vector<LoadModel>& models,
                        const std::vector<Invocation>& invocations) {
  std::vector<load::ColdRequest> requests;
  for (const LoadModel& model : models) {
    MakeHot(model.path);
    load::ColdRequest& request = requests.emplace_back();
    request.model = model.path;
    request.inputs = InputsOf(model);
    request.disk = load::ThrottleOptions{.bytes_per_second = kDisk};
  }
  AnswerForAnother(strategy, /*is_bf16=*/false);
  AnswerForAnother(strategy, /*is_bf16=*/true);
  nlohmann::json latencies = nlohmann::json::array();
  nlohmann::json times = nlohmann::json::array();
  const Clock::time_point begin = Clock::now();
  MemorySampler sampler(begin);
  for (const Invocation& invocation : invocations) {
    const auto due =
        begin + std::chrono::duration_cast<Clock::duration>(Seconds(invocation.second));
    std::this_thread::sleep_until(due);
    load::ForgetIdle();
    const auto answer = load::AnswerCold(strategy, requests[invocation.model]);
    if (!answer) Stop(models[invocation.model].name + ": " + answer.error().Text());
    latencies.push_back(Seconds(answer->end - due).count());
    times.push_back(Seconds(answer->end - answer->begin).count());
  }
  nlohmann::json memory = nlohmann::json::array();
  for (const Sample& sample : sampler.End()) {
    memory.push_back({sample.second, sample.resident_bytes});
  }
  return {{"latencies", latencies}, {"times", times}, {"memory", memory}};
}

Served Serve(Strategy strategy, const std::vector<LoadModel>& models,
             const std::vector<Invocation>& invocations) {
  const nlohmann::json answer = InFork([&] { return ServeAll(strategy, models, invocations); });
  Served served{.latencies = answer["latencies"], .times = answer["times"], .memory = {}};
  for (const nlohmann::json& sample : answer["memory"]) {
    served.memory.push_back({sample[0], sample[1]});
  }
  return served;
}

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double QuantileOf(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(part * static_cast<double>(values.size()));
  return values[std::min(rank, values.size() - 1)];
}

/// Seconds, by model: the median of three, in a process that knows all of them.
std::vector<double> SoloTimes(Strategy strategy, const std::vector<LoadModel>& models) {
  constexpr size_t kRounds = 4;  // the first is thrown away
  std::vector<Invocation> invocations;
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t model = 0; model < models.size(); ++model) invocations.push_back({0, model});
  }
  const std::vector<double> times = Serve(strategy, models, invocations).times;
  std::vector<double> seconds;
  for (size_t model = 0; model < models.size(); ++model) {
    std::vector<double> of_model;
    for (size_t round = 1; round < kRounds; ++round) {
      of_model.push_back(times[round * models.size() + model]);
    }
    seconds.push_back(QuantileOf(of_model, 0.5));
  }
  return seconds;
}

void AddLatencies(LoadBench& bench, const std::string& name, const std::vector<double>& latencies) {
  const auto add = [&](const std::string& what, double seconds) {
    bench.metrics.push_back({.name = "trace_" + name + "_" + what,
                             .unit = "ms",
                             .values = {1e3 * seconds},
                             .baselines = {},
                             .baseline_name = ""});
  };
  add("mean", MeanOf(latencies));
  add("p95", QuantileOf(latencies, 0.95));
  add("p99", QuantileOf(latencies, 0.99));
}

void AddMemory(LoadBench& bench, const std::string& name, const std::vector<Sample>& samples) {
  std::vector<double> megabytes;
  for (const Sample& sample : samples) megabytes.push_back(sample.resident_bytes / 1e6);
  for (const auto& [what, value] :
       {std::pair("mean", MeanOf(megabytes)), std::pair("most", QuantileOf(megabytes, 1))}) {
    bench.metrics.push_back({.name = "trace_" + name + "_memory_" + what,
                             .unit = "MB",
                             .values = {value},
                             .baselines = {},
                             .baseline_name = ""});
  }
}

/// strategy, second, model, milliseconds · strategy, second, megabytes.
class Rows {
 public:
  explicit Rows(const std::filesystem::path& folder)
      : latencies_(folder / "trace_latencies.csv"), memory_(folder / "trace_memory.csv") {
    latencies_ << "strategy,second,model,milliseconds\n";
    memory_ << "strategy,second,megabytes\n";
  }

  void Add(const std::string& strategy, const std::vector<LoadModel>& models,
           const std::vector<Invocation>& invocations, const Served& served) {
    for (size_t i = 0; i < invocations.size(); ++i) {
      latencies_ << strategy << ',' << invocations[i].second << ','
                 << models[invocations[i].model].name << ',' << 1e3 * served.latencies[i] << '\n';
    }
    for (const Sample& sample : served.memory) {
      memory_ << strategy << ',' << sample.second << ',' << sample.resident_bytes / 1e6 << '\n';
    }
  }

 private:
  std::ofstream latencies_;
  std::ofstream memory_;
};

}  // namespace

void MeasureTrace(LoadBench& bench) {
  std::vector<LoadModel> models = bench.models;
  std::erase_if(models, [](const LoadModel& model) { return model.num_bytes > kLargest; });
  if (models.empty()) return;
  const std::vector<Invocation> invocations =
      Compressed(HourOfInvocations(models.size()), bench.trace_minutes, bench.trace_compression);
  std::ostringstream what;
  what << invocations.size() << " invocations of " << models.size()
       << " models: " << bench.trace_minutes << " minutes of the hour, " << bench.trace_compression
       << " times as fast, a disk of 2 GB/s";
  Say(what.str());
  {
    Rows rows(bench.folder);
    for (const Strategy strategy : kServing) {
      if (!bench.Has(strategy)) continue;
      Say("trace, " + NameOf(strategy));
      const Served served = Serve(strategy, models, invocations);
      AddLatencies(bench, NameOf(strategy), served.latencies);
      AddMemory(bench, NameOf(strategy), served.memory);
      rows.Add(NameOf(strategy), models, invocations, served);
    }
  }
  for (const Strategy strategy : bench.strategies) {
    Say("trace, " + NameOf(strategy) + " by simulation");
    AddLatencies(bench, NameOf(strategy) + "_simulated",
                 SimulatedLatencies(invocations, SoloTimes(strategy, models)));
  }
  MillisecondsOf({"/usr/bin/env", "python3", "tools/bench/load_plot.py", bench.folder.string()});
}

}  // namespace raceway::bench
