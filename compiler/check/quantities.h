#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::compiler {

/// What a number with a unit measures.
enum class Measure { kDuration, kSize, kShare, kRate, kTokens };

std::string_view NameOf(Measure measure);    // "a duration"
const std::vector<std::string>& AllUnits();  // "us", "ms", …
std::vector<std::string> UnitsOf(Measure measure);

/// `4ms` in the unit that everything of its kind is counted in: ns, bytes, shares of 1, 1/s,
/// tokens.
struct Quantity {
  Measure measure = Measure::kDuration;
  double amount = 0;
};

/// The value of a literal with a unit; none if there is no such unit.
std::optional<Quantity> ParseQuantity(std::string_view text);

}  // namespace raceway::compiler
