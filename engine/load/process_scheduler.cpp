#include "engine/load/process_scheduler.h"

#include <atomic>
#include <iostream>
#include <mutex>
#include <set>
#include <string>

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
  static auto* const scheduler = new ReadScheduler(MakeChunkReader(&NoteOnce), {}, clock);
  return *scheduler;
}

void NoteOnce(std::string_view note) {
  static std::mutex mutex;
  static auto* const said = new std::set<std::string>();
  const std::lock_guard lock(mutex);
  if (said->emplace(note).second) std::clog << "raceway: " << note << '\n';
}

ProcessSchedulerInstead::ProcessSchedulerInstead(ReadScheduler& scheduler) { instead = &scheduler; }
ProcessSchedulerInstead::~ProcessSchedulerInstead() { instead = nullptr; }

}  // namespace raceway::engine::load
