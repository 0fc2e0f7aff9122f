#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/cancel.h"
#include "engine/result.h"
#include "engine/store/row_cache.h"
#include "engine/store/row_codec.h"
#include "engine/store/store_description.h"

namespace rocksdb {
class DB;
}

namespace raceway::engine {

class Prefetcher;

/// A folder of rows (`raceway store load`), open for reading, with those of its rows that are in
/// memory. Nothing is written into the folder, so any number of processes may have it open.
///
/// Threads  all functions may be called by several at once
class RowDatabase {
 public:
  /// Rows by place in the keys; null where there is none.
  using Rows = std::vector<StoredRowPtr>;

  /// `name` is what messages call the folder.
  ///
  /// Errors   Unavailable for a folder that is missing, damaged, being loaded or none of ours,
  ///          Unsupported for one of a newer release
  static Result<std::shared_ptr<RowDatabase>> Open(const std::filesystem::path& folder,
                                                   const std::string& name, int64_t cache_bytes);
  ~RowDatabase();
  RowDatabase(const RowDatabase&) = delete;

  const Schema& schema() const { return codec_.schema(); }
  int64_t num_rows() const { return num_rows_; }
  RowCache& cache() { return cache_; }

  /// The rows of `keys` (`EncodeKeys`): those that are not in memory are read in one go.
  ///
  /// Errors   Failed for a row that is damaged or cannot be read, with its place in `keys` as
  ///          `row_id`; Cancelled and the like
  Result<Rows> Find(std::span<const std::string> keys, const CancelToken& cancel);

  /// Reads `keys` into memory in threads of its own; returns at once.
  void Prefetch(std::vector<std::string> keys);

 private:
  RowDatabase(std::unique_ptr<rocksdb::DB> db, StoreDescription description, std::string name,
              int64_t cache_bytes);

  /// Reads the rows of `keys`, in the same order, and keeps them. `damaged` gets the place of the
  /// one that the error is about.
  Result<Rows> Read(std::span<const std::string> keys, size_t& damaged);

  std::string name_;
  std::unique_ptr<rocksdb::DB> db_;
  RowCodec codec_;
  int64_t num_rows_ = 0;
  RowCache cache_;
  std::unique_ptr<Prefetcher> prefetcher_;  // last: its threads use all the others
};

}  // namespace raceway::engine
