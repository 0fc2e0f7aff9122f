#include "engine/exec/request.h"

#include <memory>
#include <new>
#include <string>
#include <utility>

namespace raceway::engine {
namespace {

static_assert(alignof(Batch) <= alignof(std::max_align_t));
static_assert(alignof(Batch) >= alignof(std::atomic<int32_t>));
static_assert(alignof(Batch) >= alignof(std::chrono::steady_clock::time_point));
static_assert(std::is_trivially_destructible_v<std::atomic<int32_t>>);

constexpr size_t RoundUp(size_t num_bytes) {
  constexpr size_t kAlign = alignof(std::max_align_t);
  return (num_bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

Error StopError(ErrorCode code, std::string stage) {
  const bool is_late = code == ErrorCode::kDeadlineExceeded;
  return {.code = code,
          .message = is_late ? "the deadline has passed" : "the request was cancelled",
          .stage = std::move(stage)};
}

Request::Ptr Request::Make(const RequestLayout& layout, RequestId id, Completion completion) {
  const size_t num_counters = layout.counters.size();
  const size_t slots_at = RoundUp(sizeof(Request));
  using ReadySince = std::chrono::steady_clock::time_point;
  const size_t num_times = layout.is_traced ? layout.num_stages + 1 : 0;
  const size_t times_at = slots_at + layout.num_ports * sizeof(Batch);
  const size_t counters_at = times_at + num_times * sizeof(ReadySince);
  const size_t next_at = counters_at + num_counters * sizeof(std::atomic<int32_t>);
  auto* block =
      static_cast<std::byte*>(::operator new(next_at + layout.num_stages * sizeof(int32_t)));

  Ptr request(new (block) Request(id, std::move(completion)));
  request->num_ports_ = layout.num_ports;
  request->slots_ = reinterpret_cast<Batch*>(block + slots_at);
  if (layout.is_traced) {
    request->ready_since_ = reinterpret_cast<ReadySince*>(block + times_at);
    std::uninitialized_default_construct_n(request->ready_since_, num_times);
  }
  request->counters_ = reinterpret_cast<std::atomic<int32_t>*>(block + counters_at);
  request->next_ready_ = reinterpret_cast<int32_t*>(block + next_at);
  std::uninitialized_default_construct_n(request->slots_, layout.num_ports);
  for (size_t i = 0; i < num_counters; ++i) {
    new (&request->counters_[i]) std::atomic<int32_t>(layout.counters[i]);
  }
  return request;
}

void Request::Deleter::operator()(Request* request) const {
  std::destroy_n(request->slots_, request->num_ports_);
  request->LetGo();
}

void Request::LetGo() {
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Request();
  ::operator delete(this);
}

void Request::HoldParent(std::shared_ptr<const CancelToken> parent) {
  parent_ = std::move(parent);
  cancel_.SetParent(parent_.get());
}

void Request::Fail(Error error) {
  Failure none = Failure::kNone;
  if (!failure_.compare_exchange_strong(none, Failure::kBeingSet, std::memory_order_relaxed)) {
    return;
  }
  error_ = std::move(error);
  failure_.store(Failure::kSet, std::memory_order_release);
}

Batch Request::Take(size_t port, int32_t uses) {
  Batch& slot = slots_[port];
  if (uses < 0) return std::move(slot);
  std::atomic<int32_t>& left = counters_[uses];
  // Whoever reads 1 is the last: the others have copied before they counted down.
  if (left.load(std::memory_order_acquire) == 1) return std::move(slot);
  Batch batch = slot;
  if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) slot = Batch();
  return batch;
}

}  // namespace raceway::engine
