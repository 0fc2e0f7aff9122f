#include "tools/bench/report.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>

namespace raceway::bench {
namespace {

double Median(std::vector<double> values) {
  assert(!values.empty());
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(middle), values.end());
  if (values.size() % 2 == 1) return values[middle];
  const double below =
      *std::max_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(middle));
  return (below + values[middle]) / 2;
}

double RelativeRange(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t tenth = values.size() / 10;
  return (values[values.size() - 1 - tenth] - values[tenth]) / Median(values);
}

// Three or four digits that count.
std::string Short(double value) {
  char text[32];
  const double size = std::abs(value);
  const int decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

double Rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return std::strtod(text, nullptr);
}

void PrintJson(const std::string& bench, const std::vector<Metric>& metrics) {
  nlohmann::ordered_json json;
  json["bench"] = bench;
  json["metrics"] = nlohmann::ordered_json::object();
  for (const Metric& metric : metrics) {
    nlohmann::ordered_json& out = json["metrics"][metric.name];
    out["value"] = Rounded(metric.value());
    out["unit"] = metric.unit;
    out["baseline"] = nullptr;
    out["ratio"] = nullptr;
    if (metric.baseline()) out["baseline"] = Rounded(*metric.baseline());
    if (metric.ratio()) out["ratio"] = Rounded(*metric.ratio());
    out["spread"] = Rounded(metric.spread());
    out["goal"] = nullptr;
    out["ok"] = nullptr;
    if (metric.goal) out["goal"] = metric.goal->Text();
    if (metric.ok()) out["ok"] = *metric.ok();
  }
  std::cout << json.dump(2) << "\n";
}

void PrintTable(const std::string& bench, const std::vector<Metric>& metrics) {
  size_t width = 6;
  for (const Metric& metric : metrics) width = std::max(width, metric.name.size());
  const auto line = [&](const std::string& name, const std::string& value,
                        const std::string& baseline, const std::string& ratio,
                        const std::string& spread, const std::string& rest) {
    std::printf("%-*s %16s %12s %8s %8s  %s\n", static_cast<int>(width), name.c_str(),
                value.c_str(), baseline.c_str(), ratio.c_str(), spread.c_str(), rest.c_str());
  };
  std::printf("bench %s\n\n", bench.c_str());
  line("metric", "value", "baseline", "ratio", "spread", "");
  for (const Metric& metric : metrics) {
    std::string rest;
    if (!metric.baseline_name.empty()) rest = "to " + metric.baseline_name;
    if (metric.goal) rest += (rest.empty() ? "" : ", ") + ("goal " + metric.goal->Text());
    if (metric.ok()) rest += *metric.ok() ? ": met" : ": MISSED";
    line(metric.name, Short(metric.value()) + " " + metric.unit,
         metric.baseline() ? Short(*metric.baseline()) : "-",
         metric.ratio() ? Short(*metric.ratio()) : "-",
         std::to_string(std::lround(metric.spread() * 100)) + " %", rest);
  }
  std::printf(
      "\nMedians; spread is how far the middle 80 %% of the repetitions are apart, of the ratio\n"
      "where there is one, as a part of the median.\n");
}

}  // namespace

Options ParseOptions(int argc, char** argv, const std::string& question) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--quick") {
      options.quick = true;
    } else if (arg == "--json") {
      options.json = true;
    } else if (arg == "--help") {
      std::cout << question << "\n\n  --quick   a subset, within 50 s\n  --json    for machines\n";
      std::exit(0);
    } else {
      std::cerr << "unknown argument: " << arg << " (--quick, --json or --help)\n";
      std::exit(2);
    }
  }
  return options;
}

std::string Goal::Text() const {
  // 15 rather than 15.0.
  const bool is_whole = bound == std::floor(bound);
  const nlohmann::json number =
      is_whole ? nlohmann::json(std::lround(bound)) : nlohmann::json(bound);
  return std::string(of_ratio ? "ratio" : "value") + (at_most ? " <" : " >") +
         (is_strict ? " " : "= ") + number.dump();
}

double Metric::value() const { return Median(values); }

std::optional<double> Metric::baseline() const {
  if (baselines.empty()) return std::nullopt;
  return Median(baselines);
}

std::optional<double> Metric::ratio() const {
  if (baselines.empty()) return std::nullopt;
  return value() / *baseline();
}

double Metric::spread() const {
  if (baselines.empty()) return RelativeRange(values);
  assert(baselines.size() == values.size());
  std::vector<double> ratios;
  for (size_t i = 0; i < values.size(); ++i) ratios.push_back(values[i] / baselines[i]);
  return RelativeRange(ratios);
}

std::optional<bool> Metric::ok() const {
  if (!goal) return std::nullopt;
  const std::optional<double> judged = goal->of_ratio ? ratio() : value();
  if (!judged) return std::nullopt;
  if (*judged == goal->bound) return !goal->is_strict;
  return goal->at_most ? *judged < goal->bound : *judged > goal->bound;
}

void Print(const std::string& bench, const std::vector<Metric>& metrics, const Options& options) {
  options.json ? PrintJson(bench, metrics) : PrintTable(bench, metrics);
}

std::vector<std::vector<double>> Interleave(int repetitions,
                                            const std::vector<std::function<double()>>& measures) {
  std::vector<std::vector<double>> values(measures.size());
  for (int repetition = -1; repetition < repetitions; ++repetition) {
    for (size_t i = 0; i < measures.size(); ++i) {
      const double value = measures[i]();
      if (repetition >= 0) values[i].push_back(value);
    }
  }
  return values;
}

double NanosecondsPer(int count, const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) work();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / count;
}

}  // namespace raceway::bench
