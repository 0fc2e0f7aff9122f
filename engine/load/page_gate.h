#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "engine/cancel.h"
#include "engine/load/load_job.h"
#include "engine/load/page_faults.h"
#include "engine/load/page_room.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Weights on their way, for code that reads them as any memory and knows nothing of gates: the
/// `PageFaults` hold a thread that touches a storage which is not there, and the load hurries for
/// it.
///
/// Each storage has a mapping of its own, so that a block with bytes of two storages says which of
/// them was touched. A storage appears as a whole: once it is ready it is let in in the background,
/// and when all are there nothing is left of the gate but their mappings.
///
/// No exception comes out of a load instruction. A thread that cannot be given its bytes, because
/// the storage failed or a visitor must stop, is given zeros, and all visitors of that time are
/// told that what they computed is nothing. After a failure nobody is let in any more; after a stop
/// nobody is until all storages are there: then they are what was written, zeros or not.
///
/// Threads  all functions, from any; the memory is read from any
class PageGate {
 public:
  /// Starts to load. `scheduler` must outlive the gate; `options` must not ask for other memory.
  /// Storages are read in `room`, which is for these extents and one gate at a time.
  ///
  /// Errors   Unsupported where pages cannot be watched: then a `LoadJob` can be waited for; else
  ///          as `LoadJob::Start`
  static Result<std::shared_ptr<PageGate>> Start(ReadScheduler& scheduler,
                                                 std::vector<std::shared_ptr<ModelFile>> files,
                                                 std::span<const Extent> extents,
                                                 std::shared_ptr<PageRoom> room,
                                                 std::unique_ptr<PageFaults> faults,
                                                 LoadOptions options = {});
  /// Nobody may be reading. Cancels the load.
  ~PageGate();
  PageGate(const PageGate&) = delete;

  /// Where to read a storage. The gate must outlive who reads. The load's own `data` has no gate.
  std::byte* data(int32_t storage) const { return room_->place(storage).begin; }
  const std::shared_ptr<LoadJob>& job() const { return job_; }

  /// Whether all storages are there: then nobody needs to say any more that he reads.
  bool is_complete() const { return is_complete_.load(std::memory_order_acquire); }
  /// Whether somebody has touched in vain what never will be there.
  bool has_failed() const {
    const std::lock_guard lock(mutex_);
    return failure_.has_value();
  }
  /// Errors   as `LoadJob::WaitAll`; that of a storage which somebody has touched in vain, at once
  Status WaitAll(const CancelToken* cancel = nullptr);

  /// Code that reads the memory before it is complete.
  class Visit {
   public:
    /// Both outlive it. `cancel` ends the waiting.
    Visit(PageGate& gate, const CancelToken& cancel);
    ~Visit();
    Visit(const Visit&) = delete;

    /// Whether it may read at all; false after a failure or a stop.
    bool is_let_in() const { return is_let_in_; }
    /// Whether all that it has read was weights; asked at its end. Where not, `WaitAll` says why,
    /// or what it read is there now.
    bool saw_weights_only() const;

   private:
    friend class PageGate;
    PageGate& gate_;
    const CancelToken& cancel_;
    bool is_let_in_ = false;
    bool saw_zeros_ = false;
  };

  /// How many early reads the load has been told of.
  int64_t num_faults() const { return num_faults_.load(std::memory_order_relaxed); }

 private:
  class Inbox;

  enum class Door : uint8_t {
    kShut,    // who touches it waits
    kOpen,    // the bytes
    kZeros,   // for those who must go on
    kFailed,  // shut, and nothing will come
  };

  /// The pages of one storage.
  struct View {
    std::byte* pages = nullptr;  // null: it has no bytes
    uint64_t size = 0;           // of the pages
    int fd = -1;                 // of the arena
    Door door = Door::kShut;
    std::optional<TimePoint> touched = std::nullopt;  // somebody waits for it, since then
  };

  PageGate(std::shared_ptr<Inbox> inbox, std::shared_ptr<PageRoom> room,
           std::unique_ptr<PageFaults> faults, const Clock& clock, LoadEventSink on_event);

  Status MapViews(int32_t num_storages);
  void Watch();
  void ReadFaults();
  void OnTouch(int32_t storage);
  void OnSettled(int32_t storage);
  void Open(int32_t storage);
  void FillWithZeros(View& view);
  void GiveUp(int32_t storage);
  void Fail(Error error);
  void StopWhoMust();
  void LetAllGo();
  void NoteWait(int32_t storage);
  /// The storage whose pages have that address.
  int32_t Find(uint64_t address) const;

  const std::shared_ptr<Inbox> inbox_;
  const std::shared_ptr<PageRoom> room_;
  std::unique_ptr<PageFaults> faults_;  // the watcher's
  const Clock& clock_;
  const LoadEventSink on_event_;
  std::shared_ptr<LoadJob> job_;
  std::vector<View> views_;        // by storage; doors are the watcher's
  std::vector<int32_t> by_place_;  // storages with pages, by their address
  size_t num_open_ = 0;            // of those
  int32_t num_touched_ = 0;        // of those that are shut
  std::atomic<int64_t> num_faults_ = 0;
  std::atomic<bool> is_complete_ = false;

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  std::vector<Visit*> visits_;
  bool was_stopped_ = false;
  std::optional<Error> failure_;  // of the first storage that was touched in vain

  std::thread watcher_;  // last: it uses the others
};

}  // namespace raceway::engine::load
