#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/load/admission.h"
#include "engine/load/arena.h"
#include "engine/load/block_plan.h"
#include "engine/load/extent.h"
#include "engine/load/landing.h"
#include "engine/load/load_event.h"
#include "engine/load/model_file.h"
#include "engine/load/read_scheduler.h"
#include "engine/load/run_door.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// When the checksums of storages that have one are compared.
enum class Verify : uint8_t {
  kBeforePublish,  // nobody sees a storage that is not as it was written
  kBeforeAnswer,   // `WaitAll` says so: for models that never write into their weights
  kNever,
};

/// Called for each storage that has arrived and is as it was written, before anybody sees it; what
/// it writes is seen by whoever then sees the storage ready. True: it has put the bytes elsewhere,
/// and their memory is given back. Called by several threads at once, those that read; does not
/// throw.
using Apply = std::function<bool(int32_t storage, const std::byte* bytes)>;

struct LoadOptions {
  Urgency urgency = Urgency::kNear;
  TimePoint deadline = TimePoint::max();  // of the request that wants it
  Verify verify = Verify::kBeforePublish;
  bool use_page_cache = true;  // for what it holds; else always read past it
  bool guarded = false;        // Arena::Reserve
  bool mappable = false;       // Arena::ReserveMappable
  /// Where those are who write into weights: files that the page cache has all of are not read, but
  /// its pages are borrowed (`BorrowPages`). Null: they are read.
  std::shared_ptr<RunDoor> writers = nullptr;
  BlockPlanOptions plan = {};
  std::shared_ptr<Landing> landing = nullptr;  // where weights stay; null: in arenas of the host
  Apply apply = {};
  std::vector<std::string> names = {};  // of storages, for messages; may be empty
  /// By file; where there is none, the job reserves one.
  std::vector<std::shared_ptr<Arena>> arenas = {};
  /// Called once, when the last storage is verified or has failed, by the thread that found out:
  /// whether all are as they were written. Not called where there are no storages.
  std::function<void(bool all_are_right)> on_settled = {};
  LoadEventSink on_event = {};
  /// Called once for each storage with bytes that is ready or has failed; by several threads at
  /// once, does not throw and returns soon.
  std::function<void(int32_t storage)> on_storage = {};
  /// Asked for what the weights take, before any memory is reserved, by those who load whole
  /// models; a load tells it what has arrived. Null: nobody minds.
  std::shared_ptr<MemoryClaim> claim = nullptr;
};

/// The weights of one model on their way into memory.
///
/// Storages appear in any order, each whole. Who needs one says `Need`, which also makes the disk
/// hurry. Several may.
///
/// Threads  all functions, from any
class LoadJob {
 public:
  /// Reserves address space and begins to read. `extents` in the order of first use.
  /// `scheduler` must outlive the job.
  /// Errors   those of `BlockPlan::Make`, Unavailable without address space, those of
  ///          `Landing::Reserve`; all before any read
  static Result<std::shared_ptr<LoadJob>> Start(ReadScheduler& scheduler,
                                                std::vector<std::shared_ptr<ModelFile>> files,
                                                std::span<const Extent> extents,
                                                LoadOptions options = {});
  /// Cancels; does not wait. What is in flight keeps the arenas until it has landed.
  ~LoadJob();
  LoadJob(const LoadJob&) = delete;

  /// Where the bytes of a storage are, or will be. Whoever keeps this keeps `arena` as well. Not
  /// for loads that have a landing, which knows it.
  std::byte* data(int32_t storage) const;
  std::shared_ptr<Arena> arena(int32_t storage) const;
  uint64_t num_bytes(int32_t storage) const;

  /// Whether some of it is memory of the page cache, not the job's.
  bool borrows_pages() const;

  bool IsReady(int32_t storage) const;
  /// How many storages have neither arrived nor failed.
  int32_t CountPending() const;
  /// Whether some storage is not, and never will be, there as it was written.
  bool has_failed() const;

  /// As `Need`, but in no hurry.
  Status Wait(int32_t storage, const CancelToken* cancel = nullptr) const;
  /// Waits for a storage, and promotes it. `cancel` may be null; it ends the waiting, not the load.
  /// Errors   Failed, with file and place: cannot be read, wrong checksum, file changed;
  ///          Cancelled if the job is; Cancelled or DeadlineExceeded if `cancel` says so
  Status Need(int32_t storage, const CancelToken* cancel = nullptr);
  /// Makes the disk hurry with these, without waiting.
  void Promote(std::span<const int32_t> storages);
  /// Waits for all, in whatever order, and for their checksums.
  /// Errors   as `Need`, of the first storage that has one
  Status WaitAll(const CancelToken* cancel = nullptr);

  /// Somebody waits for what comes before this: all of it is as urgent.
  void Hurry();
  /// Another class or deadline: another request wants the model, or none does any more.
  void Reclass(Urgency urgency, TimePoint deadline);
  /// Nothing more is read; who waits, or will, for what is not ready gets Cancelled.
  void Cancel();
  /// Gives back the memory of a ready storage that is not needed again.
  void Release(int32_t storage);

  /// Who listens to what happens, perhaps nobody; and the time for events of others.
  const LoadEventSink& on_event() const;
  const Clock& clock() const;

 private:
  class State;
  LoadJob(ReadScheduler& scheduler, std::shared_ptr<State> state, LoadId id);

  ReadScheduler& scheduler_;
  const std::shared_ptr<State> state_;
  const LoadId id_;
};

}  // namespace raceway::engine::load
