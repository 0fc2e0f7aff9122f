// A plugin whose static initialiser throws.
#include <stdexcept>

#include "operators/plugin.h"

namespace {
const int kThrow = [] {
  if (::raceway::plugin::Setting().required) return 1;
  throw std::runtime_error("no licence file");
}();
}  // namespace

RACEWAY_PLUGIN(library) { library.Add(kThrow == 1 ? "a(n: i64) -> (m: i64)" : ""); }
