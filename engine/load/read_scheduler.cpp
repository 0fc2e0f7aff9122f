#include "engine/load/read_scheduler.h"

namespace raceway::engine::load {

ReadScheduler::ReadScheduler(std::unique_ptr<ChunkReader> reader, ReadQueueOptions options,
                             const Clock& clock)
    : clock_(clock), queue_(options), reader_(std::move(reader)) {}

ReadScheduler::~ReadScheduler() {
  std::unique_lock lock(mutex_);
  is_closed_ = true;
  idle_.wait(lock, [this] { return num_busy_ == 0; });
}

LoadId ReadScheduler::Add(std::shared_ptr<ReadClient> client, std::vector<uint32_t> chunk_bytes,
                          Urgency urgency, TimePoint deadline) {
  LoadId id;
  {
    const std::lock_guard lock(mutex_);
    id = queue_.Add(urgency, deadline, std::move(chunk_bytes), clock_.Now());
    clients_.emplace(id, std::move(client));
  }
  SubmitReady();
  return id;
}

void ReadScheduler::Promote(LoadId load, std::span<const int32_t> chunks) {
  {
    const std::lock_guard lock(mutex_);
    for (const int32_t chunk : chunks) queue_.Promote(load, chunk);
  }
  SubmitReady();
}

void ReadScheduler::Reclass(LoadId load, Urgency urgency, TimePoint deadline) {
  {
    const std::lock_guard lock(mutex_);
    queue_.Reclass(load, urgency, deadline);
  }
  SubmitReady();
}

void ReadScheduler::Remove(LoadId load) {
  std::shared_ptr<ReadClient> client;  // goes without the lock
  {
    const std::lock_guard lock(mutex_);
    queue_.Remove(load);
    if (const auto at = clients_.find(load); at != clients_.end()) {
      client = std::move(at->second);
      clients_.erase(at);
    }
  }
  SubmitReady();  // what it was urgent for held up others
}

size_t ReadScheduler::CountInFlight() {
  const std::lock_guard lock(mutex_);
  return queue_.num_in_flight();
}

void ReadScheduler::SubmitReady() {
  while (true) {
    std::shared_ptr<ReadClient> client;
    std::optional<QueuedRead> next;
    ChunkRead result = {};
    {
      const std::lock_guard lock(mutex_);
      if (is_closed_) return;
      result.submitted = clock_.Now();
      next = queue_.Next(result.submitted);
      if (!next) return;
      client = clients_.at(next->load);
      ++num_busy_;
    }
    const ReadClient::Read read = client->Prepare(next->chunk);
    result.chunk = next->chunk;
    result.was_cached = read.through_cache;
    reader_->Read(read.request, read.through_cache,
                  [this, client, read = *next, result](Status status) {
                    ChunkRead done = result;
                    done.status = std::move(status);
                    OnRead(client, read, std::move(done));
                  });
  }
}

void ReadScheduler::OnRead(const std::shared_ptr<ReadClient>& client, const QueuedRead& read,
                           ChunkRead result) {
  {
    const std::lock_guard lock(mutex_);
    result.finished = clock_.Now();
    result.urgency = queue_.Finish(read, result.finished);
    if (!queue_.Has(read.load)) clients_.erase(read.load);  // `client` is held by the caller
  }
  SubmitReady();
  if (!client->OnRead(std::move(result))) Remove(read.load);
  {
    const std::lock_guard lock(mutex_);
    queue_.Release(read.num_bytes);
  }
  SubmitReady();
  const std::lock_guard lock(mutex_);
  if (--num_busy_ == 0) idle_.notify_all();
}

}  // namespace raceway::engine::load
