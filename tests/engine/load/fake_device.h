#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/Device.h>

#include <atomic>
#include <cstdint>

namespace raceway::engine::load::testing {

/// A device without hardware, for tests of what is asynchronous about one: its memory is the
/// host's, but nobody else should look there; each stream is a thread that does one thing after
/// the other, copies take a while, and events are as those of CUDA. Memory that nothing has been
/// written to is full of NaNs. LibTorch knows it as PrivateUse1.
///
/// It runs whole models: copies and products of matrices as a GPU does, later and one after the
/// other in the current stream; what else there is on the host, which waits for the stream, copies
/// what it needs, computes and copies back.
c10::Device FakeDevice();

/// While it lives, streams stand still.
class PausedDevice {
 public:
  PausedDevice();
  ~PausedDevice();
  PausedDevice(const PausedDevice&) = delete;
};

/// Returns when the current stream of this thread has done what it was given.
void SynchronizeFakeStream();

class CountingAllocator;

/// What LibTorch takes for its pinned memory.
CountingAllocator& FakePinnedMemory();

/// Memory of the host, at blocks, that counts how much of it is lent.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override;
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t num_bytes) const override;

  int64_t num_bytes() const { return num_bytes_; }
  int64_t most_bytes() const { return most_bytes_; }

 private:
  std::atomic<int64_t> num_bytes_ = 0;
  std::atomic<int64_t> most_bytes_ = 0;
};

}  // namespace raceway::engine::load::testing
