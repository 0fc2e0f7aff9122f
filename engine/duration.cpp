#include "engine/duration.h"

#include <array>
#include <cctype>
#include <cstdint>
#include <limits>
#include <utility>

namespace raceway::engine {
namespace {

constexpr auto kUnits = std::to_array<std::pair<std::string_view, int64_t>>({
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
});

std::optional<int64_t> UnitOf(std::string_view name) {
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (unit == name) return nanoseconds;
  }
  return std::nullopt;
}

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// `value` = 10 · `value` + `digit`, if that fits.
bool AddDigit(int64_t& value, char digit) {
  return !__builtin_mul_overflow(value, int64_t{10}, &value) &&
         !__builtin_add_overflow(value, int64_t{digit - '0'}, &value);
}

}  // namespace

std::optional<std::chrono::nanoseconds> DurationFromText(std::string_view text) {
  size_t at = 0;
  int64_t whole = 0;
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  for (; at < text.size() && (IsDigit(text[at]) || text[at] == '_'); ++at) {
    if (text[at] != '_' && !AddDigit(whole, text[at])) return std::nullopt;
  }
  std::string_view fraction;
  if (at < text.size() && text[at] == '.') {
    const size_t begin = ++at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    fraction = text.substr(begin, at - begin);
    if (fraction.empty()) return std::nullopt;
  }
  const std::optional<int64_t> unit = UnitOf(text.substr(at));
  if (!unit) return std::nullopt;
  int64_t nanoseconds = 0;
  if (__builtin_mul_overflow(whole, *unit, &nanoseconds)) return std::nullopt;
  int64_t part = *unit;  // what the next digit counts, times ten
  for (const char digit : fraction) {
    if (digit != '0' && part % 10 != 0) return std::nullopt;
    part /= 10;
    if (__builtin_add_overflow(nanoseconds, part * (digit - '0'), &nanoseconds)) {
      return std::nullopt;
    }
  }
  return std::chrono::nanoseconds(nanoseconds);
}

std::string ToString(std::chrono::nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  auto best = kUnits.front();
  for (const auto& unit : kUnits) {
    if (duration.count() % unit.second == 0) best = unit;
  }
  return std::to_string(duration.count() / best.second) + std::string(best.first);
}

}  // namespace raceway::engine
