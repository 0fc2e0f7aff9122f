#include "engine/trace/tracer.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <utility>

namespace raceway::engine {
namespace {

std::atomic<uint64_t> next_id = 1;

}  // namespace

Tracer::Tracer(bool operators)
    : sees_operators_(operators),
      id_(next_id++),
      listening_([this](const std::string& model, const load::LoadEvent& event) {
        NoteLoad(model, event);
      }) {}
Tracer::~Tracer() = default;

const TracedFlow* Tracer::AddFlow(TracedFlow flow) {
  const std::lock_guard lock(mutex_);
  return &flows_.emplace_back(std::move(flow));
}

Tracer::Thread& Tracer::Mine() {
  struct Known {
    uint64_t tracer = 0;
    Thread* thread = nullptr;
  };
  static thread_local Known known;
  if (known.tracer != id_) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Thread>& thread = threads_[std::this_thread::get_id()];
    if (!thread) thread = std::make_unique<Thread>(Thread{::syscall(SYS_gettid), {}});
    known = {id_, thread.get()};
  }
  return *known.thread;
}

void Tracer::Note(TraceEvent event) noexcept {
  try {
    Mine().events.push_back(std::move(event));
  } catch (...) {  // without memory the trace has a gap, the request goes on
  }
}

void Tracer::NoteLoad(const std::string& model, const load::LoadEvent& event) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    loads_.push_back({model, event});
  } catch (...) {  // as above
  }
}

}  // namespace raceway::engine
