#include "compiler/testing/duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace raceway::compiler {

std::optional<int64_t> DurationOf(const std::string& quantity) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {
      {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}}};
  std::string text = quantity;
  std::erase(text, '_');
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(stop, static_cast<size_t>(end - stop));
  for (const auto& [name, nanoseconds] : kUnits) {
    if (name != unit) continue;
    const double value = std::round(number * nanoseconds);
    if (value >= static_cast<double>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(value);
  }
  return std::nullopt;
}

}  // namespace raceway::compiler
