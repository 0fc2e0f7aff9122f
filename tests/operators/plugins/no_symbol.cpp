// Says that it is a plugin and has no `raceway_plugin`.
#include "operators/plugin.h"

extern "C" const char kMark[] = RACEWAY_PLUGIN_BUILT_FOR;
