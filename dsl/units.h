#pragma once

#include <span>
#include <string_view>

namespace raceway::dsl {

/// What a number with a unit measures.
enum class Measure { kDuration, kSize, kShare, kRate, kTokens };

struct MeasureUnit {
  std::string_view name;
  Measure measure;
  double factor;  // to what everything of its kind is counted in: ns, bytes, 1, 1/s, tokens
};

/// Every unit a number may have, those of a kind together, the smallest first.
std::span<const MeasureUnit> Units();
/// Null if there is none of that name.
const MeasureUnit* FindUnit(std::string_view name);

/// Whether a number may have this unit: `ms`, `MiB`, `%`.
bool IsUnit(std::string_view text);

/// Our spelling of a unit of other systems (`s` for `sec`, `MB` for `mb`); else empty.
std::string_view OwnUnit(std::string_view text);

/// The unit at the end of a quantity: `ms` of `1.5ms`.
std::string_view UnitOf(std::string_view quantity);

}  // namespace raceway::dsl
