// How fast does a model answer that is not in memory?
//
// From a request to its answer, with the weights on a disk: this loader against torch::jit::load
// and others, each by its strategy (engine/load/strategies), beside the limit that disk and
// processor set. Each load is a process of its own.

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/load/strategies/strategy.h"
#include "tools/bench/load/parts.h"
#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

using engine::load::Strategy;

constexpr const char* kQuestion = R"(how fast does a model answer that is not in memory?

  --part NAME     2GBs, 1GBs, 0.5GBs, disk, hot, memory, two, trace, rivals; all of them without it
  --model NAME    only this one; of both there may be several
  --minutes N     of the trace's hour (10)
  --compress N    how many times as fast the trace comes (2))";

const std::vector<std::string> kQuickModels = {"resnet50", "vgg11"};
const std::vector<Strategy> kQuickStrategies = {Strategy::kSequential, Strategy::kPisel,
                                                Strategy::kCicada, Strategy::kRaceway};

Disk ThrottledTo(const std::string& name, double bytes_per_second) {
  return {.name = name, .bytes_per_second = bytes_per_second, .is_hot = true};
}

void Measure2GBs(LoadBench& bench) { MeasureCold(bench, ThrottledTo("2GBs", 2e9)); }
void Measure1GBs(LoadBench& bench) { MeasureCold(bench, ThrottledTo("1GBs", 1e9)); }
void MeasureHalfGBs(LoadBench& bench) { MeasureCold(bench, ThrottledTo("0.5GBs", 0.5e9)); }

void MeasureDisk(LoadBench& bench) {
  MeasureCold(bench, {.name = "disk", .bytes_per_second = std::nullopt});
}

struct Part {
  std::string_view name;
  void (*measure)(LoadBench&);
};

constexpr Part kParts[] = {
    {"2GBs", &Measure2GBs}, {"1GBs", &Measure1GBs},   {"0.5GBs", &MeasureHalfGBs},
    {"disk", &MeasureDisk}, {"hot", &MeasureHot},     {"memory", &MeasureMemory},
    {"two", &MeasureTwo},   {"trace", &MeasureTrace}, {"rivals", &MeasureRivals},
};

/// What was asked for.
struct Wanted {
  Options options;
  std::vector<std::string> parts;
  std::vector<std::string> models;
  double minutes = 10;
  double compression = 2;
};

[[noreturn]] void Misused(const std::string& why) {
  std::cerr << "bench load: " << why << "\n";
  std::exit(2);
}

double Number(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != 0 || number <= 0) Misused("`" + text + "` is no number > 0");
  return number;
}

Wanted Parse(int argc, char** argv) {
  Wanted wanted;
  std::vector<char*> common = {argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const bool is_ours = option == "--part" || option == "--model" || option == "--minutes" ||
                         option == "--compress";
    if (!is_ours) {
      common.push_back(argv[i]);
      continue;
    }
    if (++i == argc) Misused(std::string(option) + " needs a value");
    if (option == "--part") wanted.parts.emplace_back(argv[i]);
    if (option == "--model") wanted.models.emplace_back(argv[i]);
    if (option == "--minutes") wanted.minutes = Number(argv[i]);
    if (option == "--compress") wanted.compression = Number(argv[i]);
  }
  wanted.options = ParseOptions(static_cast<int>(common.size()), common.data(), kQuestion);
  for (const std::string& name : wanted.parts) {
    const bool is_known = std::any_of(std::begin(kParts), std::end(kParts),
                                      [&](const Part& part) { return part.name == name; });
    if (!is_known) Misused("no part `" + name + "` (--help lists them)");
  }
  return wanted;
}

LoadBench BenchOf(const Wanted& wanted) {
  LoadBench bench;
  const bool is_quick = wanted.options.quick;
  const std::vector<std::string> usual = is_quick ? kQuickModels : ModelNames();
  bench.models = ModelsNamed(wanted.models.empty() ? usual : wanted.models);
  for (const engine::load::StrategyInfo& info : engine::load::Strategies()) {
    bench.strategies.push_back(info.strategy);
  }
  if (is_quick) {
    bench.strategies = kQuickStrategies;
    bench.repetitions = 3;
  }
  bench.trace_minutes = wanted.minutes;
  bench.trace_compression = wanted.compression;
  bench.folder = "build/bench-data/load";
  std::filesystem::create_directories(bench.folder);
  return bench;
}

void Run(LoadBench& bench, const Wanted& wanted) {
  if (wanted.options.quick && wanted.parts.empty()) {
    Measure2GBs(bench);
    return;
  }
  for (const Part& part : kParts) {
    const bool is_wanted =
        wanted.parts.empty() || std::count(wanted.parts.begin(), wanted.parts.end(), part.name) > 0;
    if (is_wanted) part.measure(bench);
  }
}

}  // namespace

const WarmFigures& LoadBench::WarmOf(const LoadModel& model) {
  const auto found = warm.find(model.name);
  if (found != warm.end()) return found->second;
  return warm.emplace(model.name, MeasureWarm(model)).first->second;
}

bool LoadBench::Has(Strategy strategy) const {
  return std::count(strategies.begin(), strategies.end(), strategy) > 0;
}

void Say(const std::string& what) { std::cerr << "… " << what << std::endl; }

std::string NameOf(Strategy strategy) {
  return std::string(engine::load::Strategies()[static_cast<size_t>(strategy)].name);
}

Goal WithinSpread(const Metric& metric) {
  return {.bound = 1 + std::ceil(100 * metric.spread()) / 100};
}

}  // namespace raceway::bench

int main(int argc, char** argv) {
  using raceway::bench::LoadBench;
  using raceway::bench::Wanted;
  const Wanted wanted = raceway::bench::Parse(argc, argv);
  LoadBench bench = BenchOf(wanted);
  Run(bench, wanted);
  Print("load", bench.metrics, wanted.options);
  return 0;
}
