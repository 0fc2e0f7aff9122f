// A plugin that calls what is nowhere.
#include "operators/plugin.h"

int NowhereToBeFound();

RACEWAY_PLUGIN(library) {
  if (NowhereToBeFound() == 1) library.Add("a(n: i64) -> (m: i64)");
}
