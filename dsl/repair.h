#pragma once

#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/grammar.h"
#include "dsl/source.h"

namespace raceway::dsl {

/// What `Repair` leaves to do.
enum class Repaired {
  kAll,
  kQuietly,  // an open string hides the rest of its line, say: what else is wrong is no news
  kNot,      // leave the item alone, all is said
};

/// Replaces the spellings of other languages by ours and drops what is no token, one error each.
Repaired Repair(const Source& source, std::vector<Token>& tokens, Diagnostics& diagnostics);

}  // namespace raceway::dsl
