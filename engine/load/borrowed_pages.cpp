#include "engine/load/borrowed_pages.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/load/cache_state.h"
#include "engine/load/file_lease.h"

namespace raceway::engine::load {
namespace {

// Calls that take longer than that go on, and it is tried again.
constexpr std::chrono::milliseconds kPatience(200);
constexpr int32_t kOften = 8;                // calls, after which more are to be expected
constexpr uint64_t kPiece = 16 * kHugePage;  // copied at a time: calls wait for some milliseconds

/// Copies of a mapped file, piece by piece.
class Copier {
 public:
  Copier(std::shared_ptr<Arena> arena, std::shared_ptr<RunDoor> writers,
         std::shared_ptr<MemoryClaim> claim, uint64_t num_claimed)
      : arena_(std::move(arena)),
        writers_(std::move(writers)),
        claim_(std::move(claim)),
        num_claimed_(num_claimed) {}

  /// False if calls are in its way, or memory is short; it goes on from there.
  bool CopyAll() {
    while (num_copied_ < arena_->size()) {
      const uint64_t size = std::min(kPiece, arena_->size() - num_copied_);
      if (!writers_->Close(kPatience)) return false;
      const bool copied = arena_->CopyFromFile(num_copied_, size);
      writers_->Open();
      if (!copied) return false;
      num_copied_ += size;
      const uint64_t kept = std::min(size, num_claimed_);
      num_claimed_ -= kept;
      if (claim_) claim_->Arrived(kept);
    }
    return true;
  }

 private:
  const std::shared_ptr<Arena> arena_;
  const std::shared_ptr<RunDoor> writers_;
  const std::shared_ptr<MemoryClaim> claim_;
  uint64_t num_claimed_;  // for what is not copied
  uint64_t num_copied_ = 0;
};

}  // namespace

std::shared_ptr<Arena> BorrowPages(const ModelFile& file, int32_t number,
                                   std::span<const Extent> extents,
                                   const std::shared_ptr<RunDoor>& writers,
                                   std::shared_ptr<MemoryClaim> claim) {
  const int fd = file.cached_fd();
  const bool all_cached = std::all_of(extents.begin(), extents.end(), [&](const Extent& extent) {
    return extent.file != number || IsCached(fd, extent.offset, extent.size);
  });
  if (!all_cached) return nullptr;
  const Result<std::shared_ptr<Arena>> arena = Arena::Map(fd, file.size(), /*writes=*/false);
  if (!arena) return nullptr;
  uint64_t num_claimed = 0;
  for (const Extent& extent : extents) num_claimed += extent.file == number ? extent.size : 0;
  const auto copier = std::make_shared<Copier>(*arena, writers, std::move(claim), num_claimed);
  std::shared_ptr<FileLease> lease = FileLease::Take(fd, [copier] { return copier->CopyAll(); });
  if (!lease || !file.CheckUnchanged() || !FetchPages((*arena)->data(), kBlock)) return nullptr;
  writers->TellAfter(kOften, [lease = std::weak_ptr(lease)] {
    if (const auto held = lease.lock()) held->LetGoSoon();
  });
  return {arena->get(), [lease = std::move(lease)](Arena*) mutable { lease.reset(); }};
}

}  // namespace raceway::engine::load
