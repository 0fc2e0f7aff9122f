#include "engine/load/device_landing.h"

#include <ATen/Context.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

#include "engine/load/arena.h"
#include "engine/load/first_line.h"

namespace raceway::engine::load {
namespace {

c10::Stream NewStream(c10::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

at::Tensor BytesAt(void* data, uint64_t num_bytes, c10::Device device) {
  return at::for_blob(data, {static_cast<int64_t>(num_bytes)})
      .options(at::TensorOptions().dtype(at::kByte).device(device))
      .target_device(device)
      .make_tensor();
}

/// For a machine that can pin no more: slower, and right.
c10::DataPtr PlainMemory(uint64_t num_bytes) {
  void* const data = std::aligned_alloc(kBlock, RoundUp(num_bytes));
  return {data, data, &std::free, c10::Device(c10::kCPU)};
}

}  // namespace

DeviceLanding::DeviceLanding(DeviceLandingOptions options, const Clock& clock)
    : options_([&] {
        if (options.host == nullptr) {
          options.host = at::globalContext().getPinnedMemoryAllocator(options.device.type());
        }
        return std::move(options);
      }()),
      clock_(clock),
      copies_(NewStream(options_.device)) {}

DeviceLanding::~DeviceLanding() {
  try {
    CollectLanded(0);
  } catch (const std::exception&) {
    // The device has failed, whoever did it: nothing lands any more.
  }
}

Status DeviceLanding::Reserve(const BlockPlan& plan) {
  plan_ = plan;
  runs_ = plan.Runs();
  staged_.resize(plan.chunks().size());
  landed_.resize(plan.chunks().size());
  const c10::DeviceGuard guard(options_.device);
  const c10::impl::VirtualGuardImpl device(options_.device.type());
  c10::Allocator& allocator = *c10::GetAllocator(options_.device.type());
  for (const Run& run : runs_) {
    try {
      memory_.push_back(std::make_shared<c10::DataPtr>(allocator.allocate(run.size)));
    } catch (const std::exception& exception) {
      return Error{ErrorCode::kUnavailable,
                   options_.device.str() + " has no room for " + std::to_string(run.size) +
                       " bytes of weights: " + FirstLine(exception.what())};
    }
    // It belongs to the current stream, which may still work on what lay there before.
    device.recordDataPtrOnStream(*memory_.back(), copies_);
  }
  c10::Event free(options_.device.type());
  free.record(device.getStream(options_.device));
  free.block(copies_);
  return Done{};
}

std::byte* DeviceLanding::Stage(int32_t chunk) noexcept {
  c10::DataPtr& staged = staged_[static_cast<size_t>(chunk)];
  const uint64_t num_bytes = plan_->chunks()[static_cast<size_t>(chunk)].size;
  try {
    staged = options_.host->allocate(num_bytes);
  } catch (const std::exception&) {
    staged = PlainMemory(num_bytes);
  }
  return static_cast<std::byte*>(staged.get());
}

void DeviceLanding::Drop(int32_t chunk) noexcept { staged_[static_cast<size_t>(chunk)].clear(); }

Status DeviceLanding::Send(int32_t chunk) noexcept {
  const auto index = static_cast<size_t>(chunk);
  const TimePoint begin = clock_.Now();
  try {
    const std::lock_guard lock(mutex_);  // events and copies in the same order
    Copy(plan_->chunks()[index], staged_[index]);
    landed_[index].emplace(options_.device.type());
    landed_[index]->record(copies_);
    sent_.push_back({chunk, std::move(staged_[index]), begin});
    sent_bytes_ += plan_->chunks()[index].size;
  } catch (const std::exception& exception) {
    Drop(chunk);
    return Error{ErrorCode::kFailed, options_.device.str() + ": " + FirstLine(exception.what())};
  }
  try {
    CollectLanded(options_.sent_bytes);
  } catch (const std::exception& exception) {  // as of whatever else has failed on the device
    return Error{ErrorCode::kFailed, options_.device.str() + ": " + FirstLine(exception.what())};
  }
  return Done{};
}

void DeviceLanding::Copy(const Chunk& chunk, const c10::DataPtr& staged) {
  const c10::InferenceMode inference;
  const c10::StreamGuard guard(copies_);
  const Place place = PlaceOf(chunk.file, chunk.offset);
  std::byte* to = static_cast<std::byte*>(memory_[place.run]->get()) + place.offset;
  BytesAt(to, chunk.num_bytes, options_.device)
      .copy_(BytesAt(staged.get(), chunk.num_bytes, c10::kCPU), /*non_blocking=*/true);
}

/// Takes back what was copied, and waits for the oldest while more than `max_bytes` are on their
/// way.
void DeviceLanding::CollectLanded(uint64_t max_bytes) {
  const std::lock_guard lock(mutex_);
  while (!sent_.empty()) {
    const Sent& oldest = sent_.front();
    const c10::Event& landed = *landed_[static_cast<size_t>(oldest.chunk)];
    const Chunk& chunk = plan_->chunks()[static_cast<size_t>(oldest.chunk)];
    if (!landed.query()) {
      if (sent_bytes_ <= max_bytes) return;
      landed.synchronize();
    }
    if (options_.on_event) {
      options_.on_event({.lane = Lane::kCopy,
                         .begin = oldest.begin,
                         .end = clock_.Now(),
                         .chunk = oldest.chunk,
                         .num_bytes = chunk.num_bytes});
    }
    sent_bytes_ -= chunk.size;
    sent_.pop_front();
  }
}

DeviceLanding::Place DeviceLanding::PlaceOf(int32_t file, uint64_t offset) const {
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), std::pair(file, offset),
                                      [](const std::pair<int32_t, uint64_t>& at, const Run& run) {
                                        return at < std::pair(run.file, run.offset);
                                      });
  const auto run = static_cast<size_t>(after - runs_.begin()) - 1;
  return {run, offset - runs_[run].offset};
}

c10::Storage DeviceLanding::StorageOf(int32_t storage) const {
  const auto num_bytes = static_cast<int64_t>(plan_->extents()[static_cast<size_t>(storage)].size);
  return c10::Storage(c10::Storage::use_byte_size_t(), num_bytes, MemoryOf(storage), nullptr,
                      /*resizable=*/false);
}

c10::DataPtr DeviceLanding::MemoryOf(int32_t storage) const {
  const Extent& extent = plan_->extents()[static_cast<size_t>(storage)];
  if (extent.size == 0) return {nullptr, options_.device};
  const Place place = PlaceOf(extent.file, extent.offset);
  auto* holder = new Memory(memory_[place.run]);
  std::byte* data = static_cast<std::byte*>((*holder)->get()) + place.offset;
  return {data, holder, [](void* held) { delete static_cast<Memory*>(held); }, options_.device};
}

void DeviceLanding::AwaitInStream(int32_t storage) const {
  const c10::Stream stream =
      c10::impl::VirtualGuardImpl(options_.device.type()).getStream(options_.device);
  for (const Part& part : plan_->PartsOf(storage)) {
    landed_[static_cast<size_t>(part.chunk)]->block(stream);
  }
}

bool DeviceLanding::HasLanded() {
  CollectLanded(std::numeric_limits<uint64_t>::max());
  const std::lock_guard lock(mutex_);
  return sent_.empty();
}

}  // namespace raceway::engine::load
