#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "engine/load/reader.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// What somebody who runs the process should know once: "io_uring is refused; …". From any thread.
using NoteSink = std::function<void(std::string_view)>;

/// Reads whole chunks, or says why that cannot be.
///
/// Asks for the rest where a reader stops early, again where it was interrupted or failed, and
/// through the page cache where a file does not let itself be read past it.
///
/// Threads  `Read` from any
class ChunkReader {
 public:
  /// Times in a row that a chunk may get no further.
  static constexpr int kMaxFailures = 4;

  /// Both not null; `on_note` may be empty.
  ChunkReader(std::unique_ptr<Reader> direct, std::unique_ptr<Reader> cached, NoteSink on_note);
  ChunkReader(const ChunkReader&) = delete;

  /// Errors   Failed, with file and place: it ends too early, or cannot be read. `done` is called
  ///          once, by a thread of a reader
  void Read(const ReadRequest& request, bool through_cache, std::function<void(Status)> done);

 private:
  struct Chunk;
  void Attempt(const std::shared_ptr<Chunk>& chunk);
  void Continue(const std::shared_ptr<Chunk>& chunk, int64_t result);
  bool LeaveDirect(Chunk& chunk, int64_t result);

  const NoteSink on_note_;
  const std::unique_ptr<Reader> cached_;  // outlives `direct_`, whose last reads may move here
  const std::unique_ptr<Reader> direct_;
};

/// The readers for this machine, each tried: io_uring or else threads, and the page cache. With a
/// `throttle` both are as slow as it says, together.
std::unique_ptr<ChunkReader> MakeChunkReader(NoteSink on_note = {},
                                             const std::shared_ptr<Throttle>& throttle = nullptr);

}  // namespace raceway::engine::load
