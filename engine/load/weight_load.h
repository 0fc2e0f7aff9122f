#pragma once

#include <c10/core/Allocator.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/load/device_landing.h"
#include "engine/load/load_job.h"
#include "engine/load/streamed_options.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Storages on their way to the memory where tensors have them: as they are in the file or cast, in
/// this process's own memory, in that which others have, too, or on a device.
///
/// Threads  all functions, from any
class WeightLoad {
 public:
  /// `storages` in the order of first use, which is that of their numbers; of several files only
  /// where they are kept.
  /// `scheduler` must outlive it.
  /// Errors   as `LoadJob::Start`. Throws what LibTorch throws where the device is not there
  static Result<std::shared_ptr<WeightLoad>> Start(ReadScheduler& scheduler,
                                                   std::vector<std::shared_ptr<ModelFile>> files,
                                                   std::span<const Storage* const> storages,
                                                   const StreamedOptions& options);

  /// Of the storages that are read: none if another process has them all in shared memory.
  LoadJob& job() { return *job_; }
  bool is_there() const { return is_there_; }
  /// On a device; null on the host.
  DeviceLanding* landing() const { return landing_.get(); }

  bool Casts(int32_t number) const { return places_[static_cast<size_t>(number)].casts; }
  /// Where its bytes are, or will be; the memory stays as long as this pointer.
  c10::DataPtr Memory(int32_t number) const;
  uint64_t num_bytes(int32_t number) const {
    return places_[static_cast<size_t>(number)].num_bytes;
  }

 private:
  struct Place {
    std::byte* data;
    uint64_t num_bytes;
    std::shared_ptr<const void> holder;
    bool casts;
  };
  WeightLoad(std::shared_ptr<LoadJob> job, std::vector<Place> places, bool is_there,
             std::shared_ptr<DeviceLanding> landing = nullptr)
      : job_(std::move(job)),
        places_(std::move(places)),
        is_there_(is_there),
        landing_(std::move(landing)) {}

  static Result<std::shared_ptr<WeightLoad>> StartOnDevice(
      ReadScheduler& scheduler, std::vector<std::shared_ptr<ModelFile>> files,
      std::span<const Storage* const> storages, const StreamedOptions& options);

  const std::shared_ptr<LoadJob> job_;
  const std::vector<Place> places_;  // by number
  const bool is_there_;              // all of them were, from the beginning
  const std::shared_ptr<DeviceLanding> landing_;
};

}  // namespace raceway::engine::load
