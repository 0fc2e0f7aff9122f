#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/store/row_codec.h"

namespace raceway::engine {

/// Rows in memory by their keys, as many bytes as it may hold; those that were asked for last stay.
/// That a key has no row is remembered like a row.
///
/// Split by key into shards, each with a lock and a part of the bytes of its own, so that threads
/// seldom meet. A row larger than such a part is not kept.
///
/// Threads  all functions may be called by several at once
class RowCache {
 public:
  struct Counts {
    int64_t hits = 0;
    int64_t misses = 0;
    int64_t num_rows = 0;
    int64_t num_bytes = 0;
  };

  explicit RowCache(int64_t max_bytes);
  RowCache(const RowCache&) = delete;

  /// Makes it larger; never smaller.
  void GrowTo(int64_t max_bytes);

  /// The row; null for a key that is known to have none; nothing for one of which nothing is known.
  std::optional<StoredRowPtr> Find(std::string_view key);
  /// Whether `Find` would know, without counting as being asked for.
  bool Contains(std::string_view key) const;
  /// What is there for `key` afterwards: of two threads that read the same row the first wins.
  StoredRowPtr Insert(const std::string& key, StoredRowPtr row);

  Counts counts() const;

 private:
  struct Entry {
    std::string key;
    StoredRowPtr row;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // the one asked for last is in front
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;  // views of entries
    int64_t num_bytes = 0;
    int64_t hits = 0;
    int64_t misses = 0;
  };

  static int64_t CostOf(const Entry& entry);
  Shard& ShardOf(std::string_view key) const;

  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<int64_t> max_bytes_;  // of all shards together
};

}  // namespace raceway::engine
