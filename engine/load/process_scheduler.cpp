#include "engine/load/process_scheduler.h"

#include <iostream>

#include "engine/clock.h"
#include "engine/load/chunk_reader.h"

namespace raceway::engine::load {

ReadScheduler& ProcessScheduler() {
  static const SteadyClock clock;
  // Never destroyed: modules with static lifetime may still be loading.
  static auto* const scheduler = new ReadScheduler(
      MakeChunkReader([](std::string_view note) { std::clog << "raceway: " << note << '\n'; }), {},
      clock);
  return *scheduler;
}

}  // namespace raceway::engine::load
