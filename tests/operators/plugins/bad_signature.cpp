// A plugin with a type that there is not.
#include "operators/plugin.h"

RACEWAY_PLUGIN(library) { library.Add("a(n: f33[N]) -> (m: i64)"); }
