// A plugin that was built with another C++ library.
#include "operators/plugin.h"

#undef RACEWAY_PLUGIN_STD
#define RACEWAY_PLUGIN_STD "libc++"

RACEWAY_PLUGIN(library) { library.Add("a(n: i64) -> (m: i64)"); }
