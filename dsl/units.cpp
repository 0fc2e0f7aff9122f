#include "dsl/units.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace raceway::dsl {
namespace {

constexpr double kKibi = 1024;
constexpr MeasureUnit kUnits[] = {
    {"ns", Measure::kDuration, 1},
    {"us", Measure::kDuration, 1e3},
    {"ms", Measure::kDuration, 1e6},
    {"s", Measure::kDuration, 1e9},
    {"min", Measure::kDuration, 60e9},
    {"h", Measure::kDuration, 3600e9},
    {"B", Measure::kSize, 1},
    {"KiB", Measure::kSize, kKibi},
    {"MiB", Measure::kSize, kKibi* kKibi},
    {"GiB", Measure::kSize, kKibi* kKibi* kKibi},
    {"kB", Measure::kSize, 1e3},
    {"MB", Measure::kSize, 1e6},
    {"GB", Measure::kSize, 1e9},
    {"%", Measure::kShare, 0.01},
    {"rps", Measure::kRate, 1},
    {"tok", Measure::kTokens, 1},
};

// In small letters; sources: Prometheus, Go, Kubernetes, Docker.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {
    {"nsec", "ns"},    {"usec", "us"},  {"msec", "ms"},   {"millis", "ms"}, {"sec", "s"},
    {"secs", "s"},     {"second", "s"}, {"seconds", "s"}, {"m", "min"},     {"mins", "min"},
    {"minute", "min"}, {"hr", "h"},     {"hrs", "h"},     {"hour", "h"},    {"hours", "h"},
    {"b", "B"},        {"k", "kB"},     {"kb", "kB"},     {"mb", "MB"},     {"g", "GB"},
    {"gb", "GB"},      {"ki", "KiB"},   {"kib", "KiB"},   {"mi", "MiB"},    {"mib", "MiB"},
    {"gi", "GiB"},     {"gib", "GiB"},  {"qps", "rps"},   {"token", "tok"}, {"tokens", "tok"}};

}  // namespace

std::span<const MeasureUnit> Units() { return kUnits; }

const MeasureUnit* FindUnit(std::string_view name) {
  for (const MeasureUnit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool IsUnit(std::string_view text) { return FindUnit(text) != nullptr; }

std::string_view OwnUnit(std::string_view text) {
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [foreign, own] : kForeign) {
    if (small == foreign) return own;
  }
  const MeasureUnit* unit = FindUnit(small);
  return unit == nullptr ? "" : unit->name;
}

std::string_view UnitOf(std::string_view quantity) {
  return quantity.substr(quantity.find_last_of("0123456789_. \t") + 1);
}

}  // namespace raceway::dsl
