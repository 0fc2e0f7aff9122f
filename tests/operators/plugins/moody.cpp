// A plugin that crashes when it is loaded, but only where RACEWAY_TEST_CRASH is set: what is fine
// on one machine need not be on another.
#include <csignal>
#include <cstdlib>

#include "operators/plugin.h"

namespace plugin = raceway::plugin;

namespace {
const int kCrash = std::getenv("RACEWAY_TEST_CRASH") == nullptr ? 0 : std::raise(SIGSEGV);
}  // namespace

RACEWAY_PLUGIN(library) {
  library.Add(kCrash == 0 ? "same(n: i64) -> (m: i64)" : "")
      .Rows([](plugin::Row row, const plugin::Context&) -> plugin::NewRow {
        return {row[0].tensor()};
      });
}
