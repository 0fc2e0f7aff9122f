#include "dsl/units.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace raceway::dsl {
namespace {

constexpr std::array<std::string_view, 15> kUnits = {
    "us", "ms", "s", "min", "h", "B", "KiB", "MiB", "GiB", "kB", "MB", "GB", "%", "rps", "tok"};

// In small letters; sources: Prometheus, Go, Kubernetes, Docker.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {
    {"usec", "us"},  {"msec", "ms"},   {"millis", "ms"}, {"sec", "s"},     {"secs", "s"},
    {"second", "s"}, {"seconds", "s"}, {"m", "min"},     {"mins", "min"},  {"minute", "min"},
    {"hr", "h"},     {"hrs", "h"},     {"hour", "h"},    {"hours", "h"},   {"b", "B"},
    {"k", "kB"},     {"kb", "kB"},     {"mb", "MB"},     {"g", "GB"},      {"gb", "GB"},
    {"ki", "KiB"},   {"kib", "KiB"},   {"mi", "MiB"},    {"mib", "MiB"},   {"gi", "GiB"},
    {"gib", "GiB"},  {"qps", "rps"},   {"token", "tok"}, {"tokens", "tok"}};

}  // namespace

bool IsUnit(std::string_view text) {
  return std::find(kUnits.begin(), kUnits.end(), text) != kUnits.end();
}

std::string_view OwnUnit(std::string_view text) {
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [foreign, own] : kForeign) {
    if (small == foreign) return own;
  }
  for (const std::string_view unit : kUnits) {
    if (small == unit) return unit;
  }
  return "";
}

std::string_view UnitOf(std::string_view quantity) {
  return quantity.substr(quantity.find_last_of("0123456789_. \t") + 1);
}

}  // namespace raceway::dsl
