#pragma once

#include "engine/load/read_scheduler.h"

namespace raceway::engine::load {

/// The one through which all models of this process are read; made when the first is. It stays to
/// the end of the process, with its threads, which sleep when nothing is read.
///
/// Threads  any
ReadScheduler& ProcessScheduler();

}  // namespace raceway::engine::load
