// A plugin as another Raceway would have it. It crashes when it is loaded, which nobody does.
#include <csignal>

#include "operators/plugin.h"

#undef RACEWAY_PLUGIN_BUILT_FOR
#define RACEWAY_PLUGIN_BUILT_FOR \
  "raceway-plugin: API 99, LibTorch " TORCH_VERSION ", " RACEWAY_PLUGIN_STD

namespace {
const int kCrash = std::raise(SIGSEGV);
}  // namespace

RACEWAY_PLUGIN(library) { library.Add(kCrash == 0 ? "a(n: i64) -> (m: i64)" : ""); }
