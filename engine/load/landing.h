#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/load/block_plan.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Where the chunks of a load stay, if that is no memory of the host: on a device. They are read
/// into memory of the host that is lent to them, and sent from there.
///
/// Threads  `Stage`, `Send` and `Drop` from any, for different chunks
class Landing {
 public:
  Landing() = default;
  Landing(const Landing&) = delete;
  virtual ~Landing() = default;

  /// Takes the memory that the chunks will stay in. Called once, before the others.
  /// Errors   Unavailable if there is not that much
  virtual Status Reserve(const BlockPlan& plan) = 0;
  /// Host memory for a chunk, aligned to kBlock, so that the disk can write into it.
  virtual std::byte* Stage(int32_t chunk) noexcept = 0;
  /// It has been read: starts to copy it to where it stays, and takes the host's memory back as
  /// soon as that may be. Waits only if more is on its way than there should be. Errors   Failed,
  /// with what the device says
  virtual Status Send(int32_t chunk) noexcept = 0;
  /// It has not been read, or is not wanted: takes the host's memory back.
  virtual void Drop(int32_t chunk) noexcept = 0;
};

}  // namespace raceway::engine::load
