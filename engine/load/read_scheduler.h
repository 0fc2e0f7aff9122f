#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "engine/clock.h"
#include "engine/load/chunk_reader.h"
#include "engine/load/read_queue.h"

namespace raceway::engine::load {

/// What became of a chunk.
struct ChunkRead {
  int32_t chunk = 0;
  Urgency urgency = Urgency::kBulk;  // in the end
  bool was_cached = false;
  TimePoint submitted = {};
  TimePoint finished = {};
  Status status = Done{};
};

/// A load, as those see it who read for it.
///
/// Threads  all functions are called from several at once, for different chunks
class ReadClient {
 public:
  struct Read {
    ReadRequest request;
    bool through_cache;
  };

  virtual ~ReadClient() = default;
  /// What to read for a chunk; called just before it is submitted.
  virtual Read Prepare(int32_t chunk) noexcept = 0;
  /// Called once for each chunk that was prepared, when the next ones are on their way. False if no
  /// more chunks are wanted.
  virtual bool OnRead(ChunkRead read) noexcept = 0;
};

/// One for all loads of a process: keeps the readers busy in the order of the queue.
///
/// Threads  all functions, from any
class ReadScheduler {
 public:
  /// `clock` must outlive it.
  ReadScheduler(std::unique_ptr<ChunkReader> reader, ReadQueueOptions options, const Clock& clock);
  /// Waits for the reads in flight; there are no new ones. The loads must be gone or done with:
  /// whoever still waits for one waits for ever.
  ~ReadScheduler();
  ReadScheduler(const ReadScheduler&) = delete;

  /// The client is kept until its last chunk is read, or it is removed and has no read in flight.
  /// Chunks are read in their order, but for what is promoted.
  LoadId Add(std::shared_ptr<ReadClient> client, std::vector<uint32_t> chunk_bytes, Urgency urgency,
             TimePoint deadline);
  /// Somebody waits for these.
  void Promote(LoadId load, std::span<const int32_t> chunks);
  void Reclass(LoadId load, Urgency urgency, TimePoint deadline);
  /// Nothing more is read for a load. What is in flight is, and the client hears of it.
  void Remove(LoadId load);

  const Clock& clock() const { return clock_; }
  size_t CountInFlight();

 private:
  void SubmitReady();
  void OnRead(const std::shared_ptr<ReadClient>& client, const QueuedRead& read, ChunkRead result);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable idle_;
  ReadQueue queue_;
  std::map<LoadId, std::shared_ptr<ReadClient>> clients_;
  bool is_closed_ = false;
  size_t num_busy_ = 0;  // reads that are in flight or being told about
  const std::unique_ptr<ChunkReader> reader_;
};

}  // namespace raceway::engine::load
