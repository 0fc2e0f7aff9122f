#include "engine/load/process_scheduler.h"

#include <atomic>
#include <iostream>

#include "engine/clock.h"
#include "engine/load/chunk_reader.h"

namespace raceway::engine::load {
namespace {

std::atomic<ReadScheduler*> instead = nullptr;

}  // namespace

ReadScheduler& ProcessScheduler() {
  if (ReadScheduler* other = instead) return *other;
  static const SteadyClock clock;
  // Never destroyed: modules with static lifetime may still be loading.
  static auto* const scheduler = new ReadScheduler(
      MakeChunkReader([](std::string_view note) { std::clog << "raceway: " << note << '\n'; }), {},
      clock);
  return *scheduler;
}

ProcessSchedulerInstead::ProcessSchedulerInstead(ReadScheduler& scheduler) { instead = &scheduler; }
ProcessSchedulerInstead::~ProcessSchedulerInstead() { instead = nullptr; }

}  // namespace raceway::engine::load
