// A plugin whose static initialiser ends as one that writes where nothing is.
#include <csignal>

#include "operators/plugin.h"

namespace {
const int kCrash = std::raise(SIGSEGV);
}  // namespace

RACEWAY_PLUGIN(library) { library.Add(kCrash == 0 ? "a(n: i64) -> (m: i64)" : ""); }
