#pragma once

namespace raceway::engine {

/// Whether this process was forked off from one that had made an engine. Threads stay behind in a
/// fork, those of the engine and those that TBB believes to have, so that waiting for them would
/// never end: neither engines of the parent nor new ones work here.
///
/// The first engine of a process must call `WatchForks`, before its threads start. Asking costs as
/// much as reading a variable.
bool IsForkedOff() noexcept;
void WatchForks();

}  // namespace raceway::engine
