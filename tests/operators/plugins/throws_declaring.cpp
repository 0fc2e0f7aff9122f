// A plugin that throws when it is asked for its functions.
#include <stdexcept>

#include "operators/plugin.h"

RACEWAY_PLUGIN(library) {
  library.Add("a(n: i64) -> (m: i64)");
  throw std::runtime_error("out of order");
}
