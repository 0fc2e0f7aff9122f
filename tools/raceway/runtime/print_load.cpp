#include "tools/raceway/runtime/print_load.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "engine/load/load_perfetto.h"

namespace raceway::tools {
namespace {

using engine::load::LaneFigures;
using engine::load::LoadFigures;
using engine::load::LoadRates;
using engine::load::LoadReport;
using Json = nlohmann::ordered_json;

double Milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

double Megabytes(uint64_t num_bytes) { return static_cast<double>(num_bytes) / 1e6; }

void PrintRun(size_t number, const LoadReport& report) {
  const LoadFigures& figures = report.figures;
  const double cached = figures.num_bytes == 0
                            ? 0
                            : 100 * static_cast<double>(figures.num_cached_bytes) /
                                  static_cast<double>(figures.num_bytes);
  std::printf("%3zu %9.1f ms", number, Milliseconds(figures.total));
  if (report.limit) {
    std::printf(" %9.1f ms %5.2f", Milliseconds(report.limit->time), report.eta());
  } else {
    std::printf(" %12s %5s", "-", "-");
  }
  std::printf(" %9.1f %% %8.2f %8.1f ms %8.1f MB %6.2f GB/s %6.0f %%\n", figures.utilisation * 100,
              figures.overlap, Milliseconds(figures.gate_wait()), Megabytes(figures.num_bytes),
              figures.bytes_per_second / 1e9, cached);
}

void PrintLanes(const LoadFigures& figures) {
  std::printf("%-10s %12s %12s %12s %8s %11s\n", "", "busy", "working", "waiting", "units",
              "bytes");
  for (size_t i = 0; i < engine::load::kNumLanes; ++i) {
    const LaneFigures& lane = figures.lanes[i];
    if (lane.num_units == 0) continue;
    std::printf("%-10s %9.1f ms %9.1f ms %9.1f ms %8lld",
                std::string(NameOf(static_cast<engine::load::Lane>(i))).c_str(),
                Milliseconds(lane.busy), Milliseconds(lane.working), Milliseconds(lane.waiting),
                static_cast<long long>(lane.num_units));
    if (lane.num_bytes > 0) std::printf(" %8.1f MB", Megabytes(lane.num_bytes));
    std::puts("");
  }
}

void PrintLimit(const LoadRun& run) {
  if (!run.report.limit) return;
  const engine::load::LoadLimit& limit = *run.report.limit;
  if (limit.num_bytes == 0) {
    std::printf("\nlimit: computing alone takes %.1f ms\n", Milliseconds(limit.computing));
    return;
  }
  std::printf(
      "\nlimit: %.1f MB take %.1f ms at %.2f GB/s%s, and what waits for them computes for "
      "%.1f ms\n",
      Megabytes(limit.num_bytes), Milliseconds(limit.reading), run.rates.slowest() / 1e9,
      run.rates.slowest() < run.rates.read ? ", the speed of checksums" : "",
      Milliseconds(limit.computing));
}

void PrintText(const LoadRequest& request, std::span<const LoadRun> runs, size_t median) {
  std::printf("%s\n\n%3s %12s %12s     η %11s %8s %11s %11s %11s %8s\n",
              runs.front().report.title.c_str(), "run", "answer", "limit", "utilisation", "overlap",
              "waits", "read", "speed", "cached");
  for (size_t i = 0; i < runs.size(); ++i) PrintRun(i + 1, runs[i].report);
  std::puts("");
  if (runs.size() > 1) std::printf("run %zu, of median time:\n", median + 1);
  PrintLanes(runs[median].report.figures);
  PrintLimit(runs[median]);
  if (request.check) {
    std::printf("check: the answers are those of %s, bit by bit\n", StockLoaderOf(request));
  }
}

/// Null for what JSON has no number for.
Json RateAsJson(double rate) { return rate == LoadRates::kFree ? Json() : Json(rate); }

void PrintJson(const LoadRequest& request, std::span<const LoadRun> runs, size_t median) {
  Json list = Json::array();
  for (const LoadRun& run : runs) {
    Json json = FiguresAsJson(run.report);
    json["limit_rates"] = {{"read", RateAsJson(run.rates.read)},
                           {"verify", RateAsJson(run.rates.verify)}};
    list.push_back(std::move(json));
  }
  const char* const caches[] = {"as it is", "cold", "hot"};
  Json json = {{"model", request.model},
               {"strategy", request.strategy},
               {"cache", caches[static_cast<size_t>(request.cache)]},
               {"disk_bytes_per_second",
                request.bytes_per_second ? Json(*request.bytes_per_second) : Json()},
               {"checked", request.check},
               {"median", median},
               {"runs", std::move(list)}};
  std::puts(json.dump().c_str());
}

}  // namespace

const char* StockLoaderOf(const LoadRequest& request) {
  return request.is_package ? "AOTIModelPackageLoader" : "torch::jit::load";
}

void PrintLoad(const LoadRequest& request, std::span<const LoadRun> runs, size_t median) {
  request.json ? PrintJson(request, runs, median) : PrintText(request, runs, median);
}

}  // namespace raceway::tools
