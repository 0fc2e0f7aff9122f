#pragma once

#include <c10/core/Device.h>
#include <c10/core/Event.h>
#include <c10/core/Storage.h>
#include <c10/core/Stream.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/clock.h"
#include "engine/load/landing.h"
#include "engine/load/load_event.h"

namespace raceway::engine::load {

struct DeviceLandingOptions {
  c10::Device device = c10::Device(c10::kCUDA, 0);
  c10::Allocator* host = nullptr;  // of pinned memory; null: LibTorch's, which keeps what it pinned
  uint64_t sent_bytes = 64 << 20;  // on their way at once, beside those that are being read
  LoadEventSink on_event = {};     // kCopy: until it was noticed that a copy had ended
};

/// Weights on a device that LibTorch knows: CUDA, or any other with streams and events.
///
/// A file's ranges keep their layout, so each chunk is one copy however many weights it has in it.
/// All copies of a load are in one stream of their own; who computes lets its stream wait, not the
/// host:
///
///   job->Need(storage);                   // its copies are in the stream
///   landing->AwaitInStream(storage);      // what is launched from here on comes after them
///
/// Threads  as `Landing`; the others from any
class DeviceLanding final : public Landing {
 public:
  /// `clock` must outlive it. Throws what LibTorch throws where the device is not there.
  DeviceLanding(DeviceLandingOptions options, const Clock& clock);
  /// Waits for copies on their way.
  ~DeviceLanding() override;

  Status Reserve(const BlockPlan& plan) override;
  std::byte* Stage(int32_t chunk) noexcept override;
  Status Send(int32_t chunk) noexcept override;
  void Drop(int32_t chunk) noexcept override;

  /// On the device, and lives as long as somebody has it. After `Reserve`.
  c10::Storage StorageOf(int32_t storage) const;
  /// The same without a storage around it.
  c10::DataPtr MemoryOf(int32_t storage) const;
  /// Lets the current stream of this thread wait for a storage, which is ready.
  void AwaitInStream(int32_t storage) const;
  /// Whether nothing is on its way any more: then no stream has to wait, if the load is complete.
  bool HasLanded();
  /// The host waits for what is on its way: for threads whose streams cannot be told to.
  void WaitUntilLanded() { CollectLanded(0); }

 private:
  struct Place {
    size_t run;
    uint64_t offset;  // in the run
  };
  struct Sent {
    int32_t chunk;
    c10::DataPtr staged;
    TimePoint begin;
  };
  using Memory = std::shared_ptr<c10::DataPtr>;

  Place PlaceOf(int32_t file, uint64_t offset) const;
  void Copy(const Chunk& chunk, const c10::DataPtr& staged);
  void CollectLanded(uint64_t max_bytes);

  const DeviceLandingOptions options_;
  const Clock& clock_;
  const c10::Stream copies_;
  std::optional<BlockPlan> plan_;
  std::vector<Run> runs_;
  std::vector<Memory> memory_;                     // by run
  std::vector<c10::DataPtr> staged_;               // by chunk
  std::vector<std::optional<c10::Event>> landed_;  // by chunk, once it was sent

  std::mutex mutex_;
  std::deque<Sent> sent_;  // in the order of the stream
  uint64_t sent_bytes_ = 0;
};

}  // namespace raceway::engine::load
