#include "compiler/check/quantities.h"

#include <algorithm>
#include <charconv>

#include "engine/data/time_text.h"
#include "engine/plan/expression.h"

namespace raceway::compiler {

using engine::Value;
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
    for (const dsl::MeasureUnit& unit : dsl::Units()) names.emplace_back(unit.name);
    return names;
  }();
  return kNames;
}

std::vector<std::string> UnitsOf(Measure measure) {
  std::vector<std::string> names;
  for (const dsl::MeasureUnit& unit : dsl::Units()) {
    if (unit.measure == measure) names.emplace_back(unit.name);
  }
  return names;
}

std::string DurationUnitsHelp() {
  const std::vector<std::string> units = UnitsOf(Measure::kDuration);
  std::string text = "the units are ";
  for (size_t i = 0; i < units.size(); ++i) {
    if (i > 0) text += i + 1 == units.size() ? " and " : ", ";
    text += "`" + units[i] + "`";
  }
  return text;
}

std::optional<Quantity> ParseQuantity(std::string_view text) {
  const std::string_view name = dsl::UnitOf(text);
  const dsl::MeasureUnit* unit = dsl::FindUnit(name);
  if (unit == nullptr) return std::nullopt;
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

Value DurationLiteral(int64_t nanoseconds) { return Value::Record{{"ns", Value(nanoseconds)}}; }

Value UnsignedLiteral(uint64_t integer) {
  return Value::Record{{"u64", Value(static_cast<int64_t>(integer))}};
}

std::optional<int64_t> NanosecondsOf(const Value& literal) {
  const Value* nanoseconds = literal.Find("ns");
  return nanoseconds == nullptr ? std::nullopt : std::optional(*nanoseconds->AsInt());
}

std::optional<uint64_t> UnsignedOf(const Value& literal) {
  const Value* bits = literal.Find("u64");
  if (bits == nullptr) return std::nullopt;
  return static_cast<uint64_t>(*bits->AsInt());
}

std::optional<long double> NumberOf(const Value& literal) {
  if (const int64_t* integer = literal.AsInt()) return static_cast<long double>(*integer);
  if (const auto large = UnsignedOf(literal)) return static_cast<long double>(*large);
  const std::optional<double> number = literal.AsNumber();
  return number ? std::optional<long double>(*number) : std::nullopt;
}

Value LiteralOf(const Value& value, engine::DataType type) {
  const int64_t* integer = value.AsInt();
  const bool is_large = type == engine::DataType::kU64 && integer != nullptr && *integer < 0;
  return is_large ? UnsignedLiteral(static_cast<uint64_t>(*integer)) : value;
}

std::string ShowLiteral(const Value& literal) {
  if (const auto time = NanosecondsOf(literal)) {
    return engine::TimeText(*time, engine::DataType::kDuration);
  }
  if (const auto integer = UnsignedOf(literal)) return std::to_string(*integer);
  return ToString(literal);
}

std::string ShowValue(const Value& value, const engine::Type& type) {
  return ToString(engine::Expression::Constant(value, type));
}

}  // namespace raceway::compiler
