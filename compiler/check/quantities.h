#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/units.h"
#include "engine/data/type.h"
#include "engine/value.h"

namespace raceway::compiler {

using dsl::Measure;

std::string_view NameOf(Measure measure);    // "a duration"
const std::vector<std::string>& AllUnits();  // "us", "ms", …
std::vector<std::string> UnitsOf(Measure measure);
/// "the units are `ns`, `us`, … and `h`": help where a duration has none.
std::string DurationUnitsHelp();

/// `4ms` in the unit that everything of its kind is counted in: ns, bytes, shares of 1, 1/s,
/// tokens.
struct Quantity {
  Measure measure = Measure::kDuration;
  double amount = 0;
};

/// The value of a literal with a unit; none if there is no such unit.
std::optional<Quantity> ParseQuantity(std::string_view text);

/// A literal that no plain number says: `4ms` as a duration, an integer above the greatest i64.
/// `FitLiteral` makes the value of a type of it.
engine::Value DurationLiteral(int64_t nanoseconds);
engine::Value UnsignedLiteral(uint64_t integer);
/// Of such a literal, else nothing.
std::optional<int64_t> NanosecondsOf(const engine::Value& literal);
std::optional<uint64_t> UnsignedOf(const engine::Value& literal);
/// Exact: all integers of 64 bits and all doubles are such numbers.
std::optional<long double> NumberOf(const engine::Value& literal);
/// The literal of which `FitLiteral` made `value`, where it is an integer.
engine::Value LiteralOf(const engine::Value& value, engine::DataType type);
/// As it was written, near enough: "4ms".
std::string ShowLiteral(const engine::Value& literal);
/// A value of `type` as one would write it.
std::string ShowValue(const engine::Value& value, const engine::Type& type);

}  // namespace raceway::compiler
