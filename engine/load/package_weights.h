#pragma once

#include <ATen/core/TensorBody.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/cancel.h"
#include "engine/load/blob_check.h"
#include "engine/load/chunk_reader.h"
#include "engine/load/load_interest.h"
#include "engine/load/load_job.h"
#include "engine/load/page_gate.h"
#include "engine/load/page_room.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The constants of a package: at addresses that stay, be they nowhere, on their way or there.
///
/// Threads  `Start` and `Drop` by one, while nobody reads them; others from any
class PackageWeights {
 public:
  /// Numbers of storages are those of `extents`. `scheduler`, `load` and `on_note` must outlive it.
  PackageWeights(ReadScheduler& scheduler, const LoadOptions& load, const NoteSink& on_note,
                 std::vector<std::shared_ptr<ModelFile>> files, std::vector<Extent> extents,
                 std::shared_ptr<PageRoom> room);

  /// `tensors` by constant, as `MatchWeights` has it; `storages` of the map, by their numbers.
  void MakeTensors(const WeightMap& map, const std::vector<size_t>& tensors,
                   const std::vector<size_t>& storages);

  /// Before an answer is given all of them are compared with it, since they have no checksums of
  /// their own.
  void Check(const Extent& blob) { blob_ = blob; }

  /// Whether there is room for them.
  ///
  /// Errors   as `MemoryClaim::Take`
  Status Admit() const;

  /// Begins to read them.
  ///
  /// Errors   as `Admit`, `PageGate::Start`, `LoadJob::Start`
  Status Start();

  /// Gives their memory back. Nobody reads them.
  void Drop();

  /// By constant; undefined for those that are folded.
  const std::vector<at::Tensor>& tensors() const { return tensors_; }
  PageGate* gate() const { return gate_.get(); }  // null: calls wait for all
  LoadJob* job() const { return job_.get(); }     // null: they are not being read
  LoadInterest& interest() { return *interest_; }

  bool is_complete() const;
  /// Whether somebody has waited for all of them, and they were right.
  bool are_right() const { return are_right_.load(std::memory_order_acquire); }
  bool has_failed() const;

  /// Errors   as `LoadJob::WaitAll`, `BlobCheck::Wait`
  Status WaitAll(const CancelToken* cancel);
  Status WaitForCheck(const CancelToken* cancel) const;
  /// `WaitAll`; throws `Stopped` or `WeightMissing`.
  void WaitOrThrow(const CancelToken& cancel);

 private:
  Result<std::shared_ptr<PageGate>> StartGate();
  Status StartWithoutGate();
  void CheckAsTheyArrive();

  ReadScheduler& scheduler_;
  const LoadOptions& load_;
  const NoteSink& on_note_;
  const std::vector<std::shared_ptr<ModelFile>> files_;
  const std::vector<Extent> extents_;
  const std::shared_ptr<PageRoom> room_;
  std::optional<Extent> blob_;
  std::vector<at::Tensor> tensors_;

  std::shared_ptr<PageGate> gate_;
  std::shared_ptr<LoadJob> job_;
  std::optional<LoadInterest> interest_;
  std::atomic<bool> are_right_ = false;
  std::optional<BlobCheck> check_;
};

/// Whether it lies where weights of a package do.
bool IsWeight(const at::Tensor& tensor);

/// Compiled code of LibTorch 2.11 counts itself as a holder of constants that are not its own, and
/// never takes that back. Where the code does not have them any more, and nobody else, all other
/// holders are such.
void DropForgotten(const std::vector<at::Tensor>& constants);

}  // namespace raceway::engine::load
