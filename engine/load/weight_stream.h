#pragma once

#include <c10/core/Storage.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/cancel.h"
#include "engine/gate.h"
#include "engine/load/model_file.h"
#include "engine/load/read_scheduler.h"
#include "engine/load/streamed_options.h"
#include "engine/load/weight_gate.h"
#include "engine/load/weight_load.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Weights that are in memory only while a request is about to use them. They come in segments, in
/// the order of use, as many ahead as the window takes. A segment goes when no running request is
/// going to use it again, as the first request that ended well has counted; until then the one that
/// was used longest ago goes for one that is read ahead, but none that a request used last. For one
/// that is needed now, any may go that is not being used. What is used again is read again. A
/// weight that was written, or is part of an answer, stays.
///
/// Threads  all functions, from any
/// Source   Demand Layering (RTSS 2022); Cicada releases layer by layer
class WeightStream {
 public:
  /// `storages` in the order of first use, which is that of their numbers. `scheduler` must outlive
  /// it. Nothing is read yet.
  WeightStream(ReadScheduler& scheduler, std::shared_ptr<ModelFile> file,
               std::span<const Storage* const> storages, StreamedOptions options);
  WeightStream(const WeightStream&) = delete;

  /// A storage, without memory as yet, that tensors have.
  const c10::Storage& storage(int32_t number) const {
    return weights_[static_cast<size_t>(number)].place;
  }
  bool Casts(int32_t number) const;

  /// For all segments, those on their way and later ones: requests want them like this.
  void Reclass(Urgency urgency, TimePoint deadline);

  /// Of all segments, and those on their way, in bytes.
  uint64_t CountResident() const;

  /// What one request uses. It outlives no stream.
  class Request {
   public:
    explicit Request(WeightStream& stream);
    ~Request();
    Request(const Request&) = delete;

    /// The bytes are there until `LetGo`.
    ///
    /// Errors   as `LoadJob::Need`
    Status Need(int32_t number, bool is_written, const CancelToken* cancel);
    /// All that was needed since the last time.
    void LetGo();
    /// It is there for good.
    ///
    /// Errors   as `LoadJob::Need`
    Status Keep(int32_t number, const CancelToken* cancel);
    /// All of them stay until the end, however large the window: for threads that no gate sees.
    ///
    /// Errors   as `LoadJob::Need`
    Status HaveAll(const CancelToken* cancel);
    /// The request has ended well: others will use what it has used.
    void NoteUses();

   private:
    void MoveOn(int32_t segment);

    WeightStream& stream_;
    int32_t at_ = -1;             // the segment that it used last
    std::vector<int32_t> held_;   // segments, once for each use
    std::vector<int64_t> uses_;   // by segment
    std::vector<uint8_t> wants_;  // by segment: will use it, as far as one knows
    bool has_all_ = false;
  };

 private:
  struct Weight {
    Storage storage;
    int32_t segment = 0;
    c10::Storage place;
  };
  struct Segment {
    int32_t begin = 0;  // of its weights
    int32_t end = 0;
    uint64_t num_bytes = 0;
    std::shared_ptr<WeightLoad> load;  // null: not in memory
    int64_t num_held = 0;              // uses that go on
    int64_t num_at = 0;                // requests that used this one last
    int64_t num_wanting = 0;           // requests
    uint64_t last_use = 0;             // since it was loaded; 0: none
    bool stays = false;
  };

  void MakeSegments(uint64_t segment_bytes);
  Status Load(Segment& segment);
  void ReadAhead(size_t next);
  void HurryNext(size_t next);
  /// For a segment that is read ahead, or for one that is needed now: then whatever is not held.
  void MakeRoom(uint64_t num_bytes, bool is_needed);
  bool MayGo(const Segment& segment, bool is_needed) const;
  void Release(Segment& segment);
  void ReleaseUnwanted(Segment& segment);
  Segment& SegmentOf(int32_t number) {
    return segments_[static_cast<size_t>(weights_[static_cast<size_t>(number)].segment)];
  }

  ReadScheduler& scheduler_;
  const std::shared_ptr<ModelFile> file_;
  std::vector<Weight> weights_;

  mutable std::mutex mutex_;  // of all below, and of the memory of places
  StreamedOptions options_;   // all but the class of loads stays
  std::vector<Segment> segments_;
  std::vector<int64_t> counted_uses_;  // of a request, by segment; empty: not known yet
  uint64_t num_uses_ = 0;              // a clock for `last_use`
  uint64_t resident_ = 0;
};

/// Has the weights of an operator in memory while it runs.
class StreamGate final : public OperatorGate {
 public:
  /// All outlive the gate.
  StreamGate(const StorageNumbers& numbers, WeightStream& stream, const CancelToken& cancel)
      : numbers_(numbers), request_(stream), cancel_(cancel) {}

  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;
  void AfterOperator(const c10::OperatorHandle& op) override;
  /// Of a request that has ended well. The weights in its answer stay.
  void End(const c10::IValue& answer);
  void HaveAll() { ThrowIfMissing(request_.HaveAll(&cancel_), cancel_); }

 private:
  const StorageNumbers& numbers_;
  WeightStream::Request request_;
  const CancelToken& cancel_;
};

}  // namespace raceway::engine::load
