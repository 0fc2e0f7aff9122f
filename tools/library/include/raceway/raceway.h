#pragma once

/// All of the engine's side. The compiler is another library: <raceway/compile.h>.
#include <raceway/awaitable.h>
#include <raceway/cancel.h>
#include <raceway/engine.h>
#include <raceway/plan.h>
#include <raceway/result.h>
#include <raceway/schema.h>
#include <raceway/table.h>
#include <raceway/version.h>
