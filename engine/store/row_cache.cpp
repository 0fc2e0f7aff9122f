#include "engine/store/row_cache.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace raceway::engine {
namespace {

/// A shard holds several of the largest rows people keep (a category of items has 5 MB).
constexpr int64_t kLeastShardBytes = int64_t{32} << 20;
constexpr int64_t kMostShards = 16;

/// What the list, the table and the allocator need for an entry, about.
constexpr int64_t kEntryBytes = 160;

/// The same of a tensor: LibTorch's objects for it and for its memory.
constexpr int64_t kTensorBytes = 256;

int64_t BytesOf(const StoredRow& row) {
  const auto has_tensor = [](const Cell& cell) { return cell.tensor.defined(); };
  const auto num_tensors = 1 + std::count_if(row.cells.begin(), row.cells.end(), has_tensor);
  return row.num_bytes() + num_tensors * kTensorBytes +
         static_cast<int64_t>(sizeof(StoredRow) + row.cells.size() * sizeof(Cell));
}

size_t NumShards(int64_t max_bytes) {
  return static_cast<size_t>(std::clamp<int64_t>(max_bytes / kLeastShardBytes, 1, kMostShards));
}

}  // namespace

RowCache::RowCache(int64_t max_bytes) : max_bytes_(max_bytes) {
  for (size_t i = 0; i < NumShards(max_bytes); ++i) shards_.push_back(std::make_unique<Shard>());
}

void RowCache::GrowTo(int64_t max_bytes) {
  int64_t now = max_bytes_;
  while (now < max_bytes && !max_bytes_.compare_exchange_weak(now, max_bytes)) {
  }
}

int64_t RowCache::CostOf(const Entry& entry) {
  const int64_t row_bytes = entry.row ? BytesOf(*entry.row) : 0;
  return kEntryBytes + static_cast<int64_t>(entry.key.size()) + row_bytes;
}

RowCache::Shard& RowCache::ShardOf(std::string_view key) const {
  // Other bits than those by which the shard's own table finds it.
  const size_t hash = std::hash<std::string_view>()(key);
  return *shards_[(hash >> 48) % shards_.size()];
}

std::optional<StoredRowPtr> RowCache::Find(std::string_view key) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) {
    ++shard.misses;
    return std::nullopt;
  }
  ++shard.hits;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return found->second->row;
}

bool RowCache::Contains(std::string_view key) const {
  const Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  return shard.by_key.contains(key);
}

StoredRowPtr RowCache::Insert(const std::string& key, StoredRowPtr row) {
  std::list<Entry> entry;  // made, and what goes is freed, outside of the lock
  entry.push_back({key, std::move(row)});
  const int64_t cost = CostOf(entry.front());
  const int64_t max_bytes = max_bytes_ / static_cast<int64_t>(shards_.size());
  if (cost > max_bytes) return entry.front().row;
  std::list<Entry> evicted;
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found != shard.by_key.end()) return found->second->row;
  shard.entries.splice(shard.entries.begin(), entry);
  shard.by_key.emplace(shard.entries.front().key, shard.entries.begin());
  shard.num_bytes += cost;
  while (shard.num_bytes > max_bytes) {
    const auto last = std::prev(shard.entries.end());
    shard.num_bytes -= CostOf(*last);
    shard.by_key.erase(last->key);
    evicted.splice(evicted.begin(), shard.entries, last);
  }
  return shard.entries.front().row;
}

RowCache::Counts RowCache::counts() const {
  Counts counts;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    counts.hits += shard->hits;
    counts.misses += shard->misses;
    counts.num_rows += static_cast<int64_t>(shard->entries.size());
    counts.num_bytes += shard->num_bytes;
  }
  return counts;
}

}  // namespace raceway::engine
