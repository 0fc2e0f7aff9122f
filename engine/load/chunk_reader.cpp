#include "engine/load/chunk_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "engine/load/arena.h"

namespace raceway::engine::load {

struct ChunkReader::Chunk {
  static constexpr int kMaxInterruptions = 10'000;  // in a row: some tenths of a second

  ReadRequest request;  // what is left to read
  bool cached;
  std::function<void(Status)> done;
  int num_failures = 0;
  int num_interruptions = 0;

  /// Whether it has got no further for too long, with this failure.
  bool Fails(int64_t result) {
    if (result == -EINTR || result == -EAGAIN) return ++num_interruptions >= kMaxInterruptions;
    return ++num_failures >= kMaxFailures;
  }
};

namespace {

Error CannotRead(const ReadRequest& request, const std::string& reason) {
  return Error{ErrorCode::kFailed, request.file->path() + ": bytes " +
                                       std::to_string(request.offset) + "+" +
                                       std::to_string(request.num_bytes) + ": " + reason};
}

void Skip(ReadRequest& request, uint32_t num_bytes) {
  request.offset += num_bytes;
  request.into += num_bytes;
  request.size -= num_bytes;
  request.num_bytes -= num_bytes;
}

bool IsRefusal(int64_t result) {
  return result == -EINVAL || result == -EOPNOTSUPP || result == -ENOSYS || result == -EPERM;
}

/// Says it once for each file.
void NoteRefusal(ModelFile& file, const std::string& reason, const NoteSink& on_note) {
  if (!file.RefuseDirect() || !on_note) return;
  on_note(file.path() + ": cannot be read past the page cache" + reason + ", is read through it");
}

}  // namespace

ChunkReader::ChunkReader(std::unique_ptr<Reader> direct, std::unique_ptr<Reader> cached,
                         NoteSink on_note)
    : on_note_(std::move(on_note)), cached_(std::move(cached)), direct_(std::move(direct)) {}

void ChunkReader::Read(const ReadRequest& request, bool through_cache,
                       std::function<void(Status)> done) {
  if (!through_cache && request.file->direct_fd() < 0) NoteRefusal(*request.file, "", on_note_);
  Attempt(std::make_shared<Chunk>(
      Chunk{request, through_cache || !request.file->is_direct(), std::move(done)}));
}

void ChunkReader::Attempt(const std::shared_ptr<Chunk>& chunk) {
  Reader& reader = chunk->cached ? *cached_ : *direct_;
  reader.Submit(chunk->request, [this, chunk](int64_t result) { Continue(chunk, result); });
}

void ChunkReader::Continue(const std::shared_ptr<Chunk>& chunk, int64_t result) {
  ReadRequest& request = chunk->request;
  if (result >= static_cast<int64_t>(request.num_bytes)) return chunk->done(Done{});
  if (result == 0) return chunk->done(CannotRead(request, "the file ends before them"));
  // Past the cache only whole blocks can be asked for: what is left of a block is read once more.
  const int64_t read = chunk->cached || result < 0 ? result : result / kBlock * kBlock;
  if (read > 0) {
    Skip(request, static_cast<uint32_t>(read));
    chunk->num_failures = 0;
    chunk->num_interruptions = 0;
  } else if (!LeaveDirect(*chunk, result) && chunk->Fails(result)) {
    return chunk->done(
        CannotRead(request, result > 0 ? "less than a block at a time" : std::strerror(-result)));
  }
  Attempt(chunk);
}

bool ChunkReader::LeaveDirect(Chunk& chunk, int64_t result) {
  if (chunk.cached || !IsRefusal(result)) return false;
  chunk.cached = true;
  const std::string reason = std::strerror(static_cast<int>(-result));
  NoteRefusal(*chunk.request.file, " (" + reason + ")", on_note_);
  return true;
}

std::unique_ptr<ChunkReader> MakeChunkReader(NoteSink on_note,
                                             const std::shared_ptr<Throttle>& throttle) {
  Result<std::unique_ptr<Reader>> uring = MakeUringReader();
  if (!uring.ok() && on_note) on_note(uring.error().message + "; weights are read by threads");
  // A few cores copy as fast as memory is.
  const int num_copiers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2u, 4u));
  std::unique_ptr<Reader> direct = uring.ok() ? *std::move(uring) : MakePreadReader();
  std::unique_ptr<Reader> cached = MakeCachedReader(num_copiers);
  if (throttle != nullptr) {
    direct = MakeThrottledReader(std::move(direct), throttle);
    cached = MakeThrottledReader(std::move(cached), throttle);
  }
  return std::make_unique<ChunkReader>(std::move(direct), std::move(cached), std::move(on_note));
}

}  // namespace raceway::engine::load
