// A plugin that was built with another LibTorch.
#include "operators/plugin.h"

#undef RACEWAY_PLUGIN_BUILT_FOR
#define RACEWAY_PLUGIN_BUILT_FOR "raceway-plugin: API 1, LibTorch 1.13.1, " RACEWAY_PLUGIN_STD

RACEWAY_PLUGIN(library) { library.Add("a(n: i64) -> (m: i64)"); }
