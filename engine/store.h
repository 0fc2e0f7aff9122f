#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/cancel.h"
#include "engine/data/column.h"
#include "engine/data/schema.h"
#include "engine/result.h"

/// What `lookup` knows of a store. The stores themselves are below `engine/store/`.
namespace raceway::engine {

/// A store as a plan names it.
struct StoreSpec {
  std::string name;                // of its declaration
  std::string kind;                // "rows", "rocksdb" or "index": store/open_store.h
  std::string source;              // the file or folder as written, for messages
  std::filesystem::path base_dir;  // what `source` is relative to
  std::string sha256;              // of the file; may be empty
  Schema schema;                   // the key, then what a row gives
  int64_t cache_bytes = 0;         // "rocksdb": of decoded rows in memory; 0: kDefaultCacheBytes
  std::string metric = {};         // "index": "cosine", "dot" or "l2"
};

constexpr int64_t kDefaultCacheBytes = int64_t{256} << 20;

/// Rows, one for each key.
///
/// Threads  immutable to those who use it; all functions may be called by several at once
class Store {
 public:
  struct Found {
    std::vector<bool> is_there;   // for each key
    std::vector<Column> columns;  // those asked for; rows that are not there hold any value
  };

  virtual ~Store() = default;
  /// The rows of `keys`, a column of the key's type without nulls. `columns` are places in what a
  /// row gives, counted from 0.
  ///
  /// Errors   Failed for a row that is damaged, with its place in `keys` as `row_id`; Cancelled
  virtual Result<Found> Find(const Column& keys, std::span<const size_t> columns,
                             const CancelToken& cancel) const = 0;
  /// Says that `keys` will be asked for soon. Returns at once; threads of the store bring into
  /// memory what is not there, if there is anything to bring.
  virtual void Prefetch(const Column& /*keys*/) const {}
};

/// Errors   InvalidArgument for rows that do not fit the schema, Unavailable for a missing file,
///          Unsupported for a kind that the engine does not have
using StoreOpener = std::function<Result<std::shared_ptr<const Store>>(const StoreSpec& spec)>;

}  // namespace raceway::engine
