#include "compiler/check/quantities.h"

#include <algorithm>
#include <charconv>

#include "dsl/units.h"

namespace raceway::compiler {
namespace {

struct Unit {
  std::string_view name;
  Measure measure;
  double factor;
};

constexpr double kKibi = 1024;
constexpr Unit kUnits[] = {
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

}  // namespace

std::string_view NameOf(Measure measure) {
  switch (measure) {
    case Measure::kDuration: return "a duration";
    case Measure::kSize: return "a size";
    case Measure::kShare: return "a share";
    case Measure::kRate: return "a rate";
    case Measure::kTokens: return "a number of tokens";
  }
  return "?";
}

const std::vector<std::string>& AllUnits() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Unit& unit : kUnits) names.emplace_back(unit.name);
    return names;
  }();
  return kNames;
}

std::vector<std::string> UnitsOf(Measure measure) {
  std::vector<std::string> names;
  for (const Unit& unit : kUnits) {
    if (unit.measure == measure) names.emplace_back(unit.name);
  }
  return names;
}

std::optional<Quantity> ParseQuantity(std::string_view text) {
  const std::string_view name = dsl::UnitOf(text);
  const auto is_it = [&](const Unit& unit) { return unit.name == name; };
  const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits), is_it);
  if (unit == std::end(kUnits)) return std::nullopt;
  std::string digits(text.substr(0, text.size() - name.size()));
  std::erase(digits, '_');
  double number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  // 100% is 1 exactly.
  const bool is_share = unit->measure == Measure::kShare;
  return Quantity{unit->measure, is_share ? number / 100 : number * unit->factor};
}

}  // namespace raceway::compiler
