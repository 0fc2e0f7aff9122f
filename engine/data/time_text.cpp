#include "engine/data/time_text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "engine/duration.h"

namespace raceway::engine {
namespace {

namespace chrono = std::chrono;
using chrono::nanoseconds;

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kMaxFraction = 9;  // digits

/// Takes characters from the front of a text, as long as they are what they should be.
class Taker {
 public:
  explicit Taker(std::string_view text) : text_(text) {}

  /// `num_digits` digits.
  int64_t Number(size_t num_digits) {
    int64_t number = 0;
    for (size_t i = 0; i < num_digits; ++i) {
      is_fine_ = is_fine_ && i < text_.size() && text_[i] >= '0' && text_[i] <= '9';
      if (!is_fine_) return 0;
      number = 10 * number + (text_[i] - '0');
    }
    text_.remove_prefix(num_digits);
    return number;
  }
  bool Skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Want(char c) { is_fine_ = Skip(c) && is_fine_; }
  size_t NumDigits() const { return std::min(text_.find_first_not_of("0123456789"), text_.size()); }
  void Fail() { is_fine_ = false; }
  bool is_fine() const { return is_fine_; }
  bool is_at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  bool is_fine_ = true;
};

/// Of a second, in nanoseconds: what stands behind its point.
int64_t Fraction(Taker& taker) {
  const size_t num_digits = taker.NumDigits();
  if (num_digits == 0 || num_digits > kMaxFraction) taker.Fail();
  int64_t fraction = taker.Number(num_digits);
  for (size_t i = num_digits; i < kMaxFraction; ++i) fraction *= 10;
  return fraction;
}

/// "Z", "+01:00": in seconds east of Greenwich.
int64_t Offset(Taker& taker) {
  if (taker.Skip('Z')) return 0;
  const bool is_west = taker.Skip('-');
  if (!is_west) taker.Want('+');
  const int64_t hours = taker.Number(2);
  taker.Want(':');
  const int64_t minutes = taker.Number(2);
  if (hours > 23 || minutes > 59) taker.Fail();
  return (is_west ? -60 : 60) * (60 * hours + minutes);
}

std::optional<int64_t> Timestamp(std::string_view text) {
  Taker taker(text);
  const chrono::year year(static_cast<int>(taker.Number(4)));
  taker.Want('-');
  const chrono::month month(static_cast<unsigned>(taker.Number(2)));
  taker.Want('-');
  const chrono::day day(static_cast<unsigned>(taker.Number(2)));
  taker.Want('T');
  const int64_t hour = taker.Number(2);
  taker.Want(':');
  const int64_t minute = taker.Number(2);
  taker.Want(':');
  const int64_t second = taker.Number(2);
  const int64_t fraction = taker.Skip('.') ? Fraction(taker) : 0;
  const int64_t offset = Offset(taker);
  const chrono::year_month_day date{year, month, day};
  const bool is_time = hour <= 23 && minute <= 59 && second <= 59;
  if (!taker.is_fine() || !taker.is_at_end() || !date.ok() || !is_time) return std::nullopt;
  const int64_t days = chrono::sys_days(date).time_since_epoch().count();
  const int64_t seconds = ((24 * days + hour) * 60 + minute) * 60 + second - offset;
  // Towards 0 first, so that the smallest one does not overflow on the way.
  const bool is_before = seconds < 0 && fraction > 0;
  int64_t result = 0;
  if (__builtin_mul_overflow(seconds + (is_before ? 1 : 0), kSecond, &result) ||
      __builtin_add_overflow(result, fraction - (is_before ? kSecond : 0), &result)) {
    return std::nullopt;
  }
  return result;
}

std::string TimestampText(int64_t time) {
  const chrono::sys_time<nanoseconds> at{nanoseconds(time)};
  const auto second = chrono::floor<chrono::seconds>(at);
  const auto midnight = chrono::floor<chrono::days>(second);
  const chrono::year_month_day date(midnight);
  const chrono::hh_mm_ss clock(second - midnight);
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string text = buffer.data();
  const int64_t rest = time % kSecond;  // not `at - second`, which starts before the first of times
  const int64_t fraction = rest < 0 ? rest + kSecond : rest;
  if (fraction > 0) {
    std::string digits = std::to_string(fraction);
    digits.insert(0, kMaxFraction - digits.size(), '0');
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "Z";
}

}  // namespace

std::optional<int64_t> TimeFromText(std::string_view text, DataType type) {
  if (type == DataType::kTimestamp) return Timestamp(text);
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::optional<nanoseconds> duration = DurationFromText(text);
  if (!duration) return std::nullopt;
  return is_negative ? -duration->count() : duration->count();
}

std::string TimeText(int64_t nanoseconds, DataType type) {
  if (type == DataType::kTimestamp) return TimestampText(nanoseconds);
  return ToString(chrono::nanoseconds(nanoseconds));
}

std::string_view TimeExample(DataType type) {
  return type == DataType::kTimestamp ? "a timestamp such as \"2026-11-28T21:17:50Z\""
                                      : "a duration such as \"900ms\"";
}

}  // namespace raceway::engine
