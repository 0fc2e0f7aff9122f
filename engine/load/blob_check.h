#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/load/extent.h"
#include "engine/load/load_job.h"
#include "engine/load/ready_table.h"

namespace raceway::engine::load {

/// Compares storages that lie one behind the other with the one checksum that there is for all of
/// them, as they arrive, in a thread of its own.
///
/// Threads  all functions, from any; nobody writes into the storages
class BlobCheck {
 public:
  /// `whole`, of the file `path`, has the checksum; `storages` of the job fill it, in the order of
  /// their bytes.
  BlobCheck(std::shared_ptr<LoadJob> job, std::vector<int32_t> storages, Extent whole,
            std::string path);
  /// Cancels the job.
  ~BlobCheck();
  BlobCheck(const BlobCheck&) = delete;

  /// Whether it is done and all is as it was written.
  bool is_right() const { return outcome_.IsReady(0); }
  bool has_failed() const { return outcome_.has_failed(); }
  /// Errors   Failed for other bytes; as `LoadJob::Wait`; what `cancel` says
  Status Wait(const CancelToken* cancel) const { return outcome_.Wait(0, cancel); }

 private:
  void Run();

  const std::shared_ptr<LoadJob> job_;
  const std::vector<int32_t> storages_;
  const Extent whole_;
  const std::string path_;
  ReadyTable outcome_{1};
  std::thread thread_;  // last: it uses the others
};

}  // namespace raceway::engine::load
