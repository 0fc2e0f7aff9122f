// A plugin that is never done with loading.
#include <unistd.h>

#include "operators/plugin.h"

namespace {
const int kHang = [] {
  while (true) ::pause();
  return 1;
}();
}  // namespace

RACEWAY_PLUGIN(library) { library.Add(kHang == 1 ? "a(n: i64) -> (m: i64)" : ""); }
