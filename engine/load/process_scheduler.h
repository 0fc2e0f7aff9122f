#pragma once

#include <string_view>

#include "engine/load/read_scheduler.h"

namespace raceway::engine::load {

/// The one through which all models of this process are read; made when the first is. It stays to
/// the end of the process, with its threads, which sleep when nothing is read.
///
/// Threads  any
ReadScheduler& ProcessScheduler();

/// What who runs the process should know, on its log: each text once.
///
/// Threads  any
void NoteOnce(std::string_view note);

/// As long as this lives, `ProcessScheduler` is another one: for tests, with disks that fail. One
/// at a time; `scheduler` must outlive all models that are read through it.
class ProcessSchedulerInstead {
 public:
  explicit ProcessSchedulerInstead(ReadScheduler& scheduler);
  ~ProcessSchedulerInstead();
  ProcessSchedulerInstead(const ProcessSchedulerInstead&) = delete;
};

}  // namespace raceway::engine::load
