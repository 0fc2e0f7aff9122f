#pragma once

#include <string_view>

namespace raceway::dsl {

/// Whether a number may have this unit: `ms`, `MiB`, `%`.
bool IsUnit(std::string_view text);

/// Our spelling of a unit of other systems (`s` for `sec`, `MB` for `mb`); else empty.
std::string_view OwnUnit(std::string_view text);

/// The unit at the end of a quantity: `ms` of `1.5ms`.
std::string_view UnitOf(std::string_view quantity);

}  // namespace raceway::dsl
