#include "engine/load/block_plan.h"

#include <algorithm>
#include <cassert>
#include <tuple>

#include "engine/load/arena.h"

namespace raceway::engine::load {
namespace {

Error Invalid(const Extent& extent, const std::string& what) {
  return Error{ErrorCode::kInvalidArgument, "storage " + std::to_string(extent.storage) +
                                                ", bytes " + std::to_string(extent.offset) + "+" +
                                                std::to_string(extent.size) + ": " + what};
}

/// Each storage once, each extent within its file.
Status CheckEach(std::span<const Extent> extents, std::span<const uint64_t> file_sizes) {
  std::vector<bool> seen(extents.size());
  for (const Extent& extent : extents) {
    const auto storage = static_cast<size_t>(extent.storage);
    if (extent.storage < 0 || storage >= seen.size() || seen[storage]) {
      return Invalid(extent, "storages must be numbered from 0, with one extent each");
    }
    seen[storage] = true;
    if (extent.file < 0 || static_cast<size_t>(extent.file) >= file_sizes.size()) {
      return Invalid(extent, "there is no file " + std::to_string(extent.file));
    }
    const uint64_t size = file_sizes[static_cast<size_t>(extent.file)];
    if (extent.offset > size || extent.size > size - extent.offset) {
      return Invalid(extent, "ends after the file, which has " + std::to_string(size) + " bytes");
    }
  }
  return Done{};
}

Status CheckDisjoint(std::span<const Extent> extents) {
  std::vector<const Extent*> sorted;
  for (const Extent& extent : extents) {
    if (extent.size > 0) sorted.push_back(&extent);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Extent* a, const Extent* b) {
    return std::tie(a->file, a->offset) < std::tie(b->file, b->offset);
  });
  for (size_t i = 1; i < sorted.size(); ++i) {
    const Extent& before = *sorted[i - 1];
    if (before.file == sorted[i]->file && before.offset + before.size > sorted[i]->offset) {
      return Invalid(*sorted[i], "overlaps storage " + std::to_string(before.storage));
    }
  }
  return Done{};
}

/// Gives each block to the chunk that is the first to need it.
class Chunker {
 public:
  Chunker(std::span<const uint64_t> file_sizes, const BlockPlanOptions& options)
      : file_sizes_(file_sizes), options_(options), is_taken_(file_sizes.size()) {
    for (size_t file = 0; file < file_sizes.size(); ++file) {
      is_taken_[file].resize(RoundUp(file_sizes[file]) / kBlock);
    }
  }

  void Add(const Extent& extent) {
    if (extent.size == 0) return;
    const uint64_t end = RoundUp(extent.offset + extent.size) / kBlock;
    for (uint64_t block = extent.offset / kBlock; block < end; ++block) {
      if (!Taken(extent.file)[block]) Take(extent.file, block);
    }
  }

  std::vector<Chunk> chunks() && { return std::move(chunks_); }

 private:
  std::vector<bool>& Taken(int32_t file) { return is_taken_[static_cast<size_t>(file)]; }

  /// Into the last chunk, with the free blocks between, or into a new one.
  void Take(int32_t file, uint64_t block) {
    const uint64_t first = chunks_.empty() ? block : Joined(file, block);
    if (chunks_.empty() || first == kApart) {
      chunks_.push_back({file, 0, block * kBlock, 0});
      Append(file, block, block);
    } else {
      Append(file, first, block);
    }
  }

  /// The first block that the last chunk has to take to reach this one; kApart if it cannot.
  uint64_t Joined(int32_t file, uint64_t block) {
    const Chunk& last = chunks_.back();
    const uint64_t end = (last.offset + last.size) / kBlock;
    if (last.file != file || block < end || (block - end) * kBlock > options_.gap_bytes ||
        (block + 1) * kBlock - last.offset > options_.chunk_bytes) {
      return kApart;
    }
    for (uint64_t between = end; between < block; ++between) {
      if (Taken(file)[between]) return kApart;
    }
    return end;
  }

  void Append(int32_t file, uint64_t first, uint64_t last) {
    Chunk& chunk = chunks_.back();
    for (uint64_t block = first; block <= last; ++block) Taken(file)[block] = true;
    chunk.size = static_cast<uint32_t>((last + 1) * kBlock - chunk.offset);
    const uint64_t left = file_sizes_[static_cast<size_t>(file)] - chunk.offset;
    chunk.num_bytes = static_cast<uint32_t>(std::min<uint64_t>(chunk.size, left));
  }

  static constexpr uint64_t kApart = ~uint64_t{0};

  const std::span<const uint64_t> file_sizes_;
  const BlockPlanOptions options_;
  std::vector<std::vector<bool>> is_taken_;  // by file, by block
  std::vector<Chunk> chunks_;
};

/// What a list of lists has at `index`, where `begin` says where each list begins.
template <typename T>
std::span<const T> At(const std::vector<T>& all, const std::vector<int32_t>& begin, int32_t index) {
  const auto i = static_cast<size_t>(index);
  return std::span<const T>(all).subspan(static_cast<size_t>(begin[i]),
                                         static_cast<size_t>(begin[i + 1] - begin[i]));
}

}  // namespace

Result<BlockPlan> BlockPlan::Make(std::span<const Extent> extents,
                                  std::span<const uint64_t> file_sizes, BlockPlanOptions options) {
  assert(options.chunk_bytes > 0 && options.chunk_bytes % kBlock == 0);
  if (Status status = CheckEach(extents, file_sizes); !status.ok()) return status.error();
  if (Status status = CheckDisjoint(extents); !status.ok()) return status.error();
  Chunker chunker(file_sizes, options);
  for (const Extent& extent : extents) chunker.Add(extent);
  BlockPlan plan;
  plan.chunks_ = std::move(chunker).chunks();
  plan.extents_.assign(extents.begin(), extents.end());
  std::sort(plan.extents_.begin(), plan.extents_.end(),
            [](const Extent& a, const Extent& b) { return a.storage < b.storage; });
  plan.AddParts();
  return plan;
}

void BlockPlan::AddParts() {
  std::vector<int32_t> by_place(chunks_.size());
  for (size_t i = 0; i < by_place.size(); ++i) by_place[i] = static_cast<int32_t>(i);
  const auto place = [this](int32_t chunk) {
    return std::pair(chunks_[static_cast<size_t>(chunk)].file,
                     chunks_[static_cast<size_t>(chunk)].offset);
  };
  std::sort(by_place.begin(), by_place.end(),
            [&](int32_t a, int32_t b) { return place(a) < place(b); });

  chunk_begin_.assign(chunks_.size() + 1, 0);
  storage_begin_ = {0};
  for (const Extent& extent : extents_) {
    const uint64_t end = extent.offset + extent.size;
    // The chunk that begins last, but not after the extent, and those behind it.
    auto at =
        std::upper_bound(by_place.begin(), by_place.end(), std::pair(extent.file, extent.offset),
                         [&](const auto& key, int32_t chunk) { return key < place(chunk); });
    for (uint64_t begin = extent.offset; begin < end; ++at) {
      const Chunk& chunk = chunks_[static_cast<size_t>(*std::prev(at))];
      const uint64_t stop = std::min(end, chunk.offset + chunk.size);
      parts_.push_back(
          {extent.storage, *std::prev(at), begin, static_cast<uint32_t>(stop - begin)});
      ++chunk_begin_[static_cast<size_t>(*std::prev(at)) + 1];
      begin = stop;
    }
    storage_begin_.push_back(static_cast<int32_t>(parts_.size()));
  }

  for (size_t i = 1; i < chunk_begin_.size(); ++i) chunk_begin_[i] += chunk_begin_[i - 1];
  chunk_parts_.resize(parts_.size());
  std::vector<int32_t> next = chunk_begin_;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int32_t at = next[static_cast<size_t>(parts_[i].chunk)]++;
    chunk_parts_[static_cast<size_t>(at)] = static_cast<int32_t>(i);
  }
}

std::span<const Part> BlockPlan::PartsOf(int32_t storage) const {
  return At(parts_, storage_begin_, storage);
}

std::span<const int32_t> BlockPlan::PartsIn(int32_t chunk) const {
  return At(chunk_parts_, chunk_begin_, chunk);
}

std::string BlockPlan::Text() const {
  std::string text;
  for (size_t i = 0; i < chunks_.size(); ++i) {
    const Chunk& chunk = chunks_[i];
    text += std::to_string(chunk.file) + ": " + std::to_string(chunk.offset) + "+" +
            std::to_string(chunk.size) + " [";
    const char* separator = "";
    for (const int32_t part : PartsIn(static_cast<int32_t>(i))) {
      text += separator + std::to_string(parts_[static_cast<size_t>(part)].storage);
      separator = " ";
    }
    text += "]\n";
  }
  return text;
}

}  // namespace raceway::engine::load
