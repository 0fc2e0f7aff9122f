#include "engine/load/block_plan.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

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

/// Blocks of a file, as ranges that do not touch.
class BlockSet {
 public:
  uint64_t NextAbsent(uint64_t block) const {
    const auto after = ends_.upper_bound(block);
    return after == ends_.begin() ? block : std::max(block, std::prev(after)->second);
  }

  /// From a block that is absent.
  uint64_t NextPresent(uint64_t block) const {
    const auto after = ends_.upper_bound(block);
    return after == ends_.end() ? ~uint64_t{0} : after->first;
  }

  /// All of them absent, and `begin` < `end`.
  void Add(uint64_t begin, uint64_t end) {
    const auto after = ends_.upper_bound(begin);
    if (after != ends_.end() && after->first == end) {
      end = after->second;
      ends_.erase(after);
    }
    if (const auto next = ends_.upper_bound(begin);
        next != ends_.begin() && std::prev(next)->second == begin) {
      std::prev(next)->second = end;
    } else {
      ends_.emplace(begin, end);
    }
  }

 private:
  std::map<uint64_t, uint64_t> ends_;  // by where a range begins
};

/// Gives each block to the chunk that is the first to need it.
class Chunker {
 public:
  Chunker(std::span<const uint64_t> file_sizes, const BlockPlanOptions& options)
      : file_sizes_(file_sizes), options_(options), taken_(file_sizes.size()) {}

  void Add(const Extent& extent) {
    if (extent.size == 0) return;
    const BlockSet& taken = taken_[static_cast<size_t>(extent.file)];
    const uint64_t end = RoundUp(extent.offset + extent.size) / kBlock;
    uint64_t block = extent.offset / kBlock;
    while ((block = taken.NextAbsent(block)) < end) {
      Take(extent.file, block, std::min(end, taken.NextPresent(block)));
    }
  }

  std::vector<Chunk> chunks() && { return std::move(chunks_); }

 private:
  /// Free blocks, into the last chunk and new ones.
  void Take(int32_t file, uint64_t begin, uint64_t end) {
    while (begin < end) {
      if (!IsWithinReach(file, begin)) chunks_.push_back({file, 0, begin * kBlock, 0});
      Chunk& chunk = chunks_.back();
      const uint64_t limit = (chunk.offset + options_.chunk_bytes) / kBlock;
      const uint64_t stop = std::min(end, limit);
      taken_[static_cast<size_t>(file)].Add((chunk.offset + chunk.size) / kBlock, stop);
      chunk.size = static_cast<uint32_t>(stop * kBlock - chunk.offset);
      const uint64_t left = file_sizes_[static_cast<size_t>(file)] - chunk.offset;
      chunk.num_bytes = static_cast<uint32_t>(std::min<uint64_t>(chunk.size, left));
      begin = stop;
    }
  }

  /// Whether the last chunk can go on to this block, and read what is between.
  bool IsWithinReach(int32_t file, uint64_t block) const {
    if (chunks_.empty() || chunks_.back().file != file) return false;
    const Chunk& last = chunks_.back();
    const uint64_t end = (last.offset + last.size) / kBlock;
    if (block < end || (block - end) * kBlock > options_.gap_bytes ||
        (block + 1) * kBlock > last.offset + options_.chunk_bytes) {
      return false;
    }
    const BlockSet& taken = taken_[static_cast<size_t>(file)];
    return taken.NextAbsent(end) == end && taken.NextPresent(end) >= block;
  }

  const std::span<const uint64_t> file_sizes_;
  const BlockPlanOptions options_;
  std::vector<BlockSet> taken_;  // by file
  std::vector<Chunk> chunks_;
};

std::pair<int32_t, uint64_t> Place(const Chunk& chunk) { return {chunk.file, chunk.offset}; }

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

std::vector<int32_t> BlockPlan::ChunksByPlace() const {
  std::vector<int32_t> chunks(chunks_.size());
  std::iota(chunks.begin(), chunks.end(), 0);
  std::sort(chunks.begin(), chunks.end(), [this](int32_t a, int32_t b) {
    return Place(chunks_[static_cast<size_t>(a)]) < Place(chunks_[static_cast<size_t>(b)]);
  });
  return chunks;
}

std::vector<Run> BlockPlan::Runs() const {
  std::vector<Run> runs;
  for (const int32_t index : ChunksByPlace()) {
    const Chunk& chunk = chunks_[static_cast<size_t>(index)];
    if (!runs.empty() && runs.back().file == chunk.file &&
        runs.back().offset + runs.back().size == chunk.offset) {
      runs.back().size += chunk.size;
    } else {
      runs.push_back({chunk.file, chunk.offset, chunk.size});
    }
  }
  return runs;
}

void BlockPlan::AddParts() {
  const std::vector<int32_t> by_place = ChunksByPlace();
  chunk_begin_.assign(chunks_.size() + 1, 0);
  storage_begin_ = {0};
  for (const Extent& extent : extents_) {
    const uint64_t end = extent.offset + extent.size;
    // The chunk that begins last, but not after the extent, and those behind it.
    auto at =
        std::upper_bound(by_place.begin(), by_place.end(), std::pair(extent.file, extent.offset),
                         [this](const auto& place, int32_t chunk) {
                           return place < Place(chunks_[static_cast<size_t>(chunk)]);
                         });
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
