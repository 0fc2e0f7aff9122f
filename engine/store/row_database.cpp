#include "engine/store/row_database.h"

#include <rocksdb/db.h>

#include <system_error>
#include <unordered_map>
#include <utility>

#include "engine/store/prefetcher.h"
#include "engine/store/rocks_options.h"
#include "engine/store/store_writer.h"

namespace raceway::engine {
namespace {

std::string RowKey(std::string_view key) { return std::string(kRowPrefix).append(key); }

/// What is wrong with a folder, and what to do.
Error Wrong(const std::string& name, const std::string& what) {
  return {ErrorCode::kUnavailable, name + " " + what};
}

constexpr char kLoad[] = "; `raceway store load` makes one";
constexpr char kLoadAgain[] = "; load it again with `raceway store load`";

Result<std::unique_ptr<rocksdb::DB>> OpenFolder(const std::filesystem::path& folder,
                                                const std::string& name) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) {
    return Wrong(name, IsBeingLoaded(folder)
                           ? std::string("is being loaded, and not there before that is done")
                           : std::string("is not there") + kLoad);
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    return Wrong(name, std::string("is no folder of rows, but a file") + kLoad);
  }
  if (!std::filesystem::exists(folder / "CURRENT", ignored)) {
    if (std::filesystem::exists(folder / kMarkerFile, ignored)) {
      return Wrong(name, std::string("is damaged: it has no CURRENT") + kLoadAgain);
    }
    return Wrong(name, std::string("is no folder of rows (it has no CURRENT)") + kLoad);
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened =
      rocksdb::DB::OpenForReadOnly(ReadingOptions(), folder.string(), &db);
  std::unique_ptr<rocksdb::DB> owned(db);
  if (opened.IsCorruption()) {
    return Wrong(name, "is damaged: " + opened.ToString() + kLoadAgain);
  }
  if (!opened.ok()) return Wrong(name, "cannot be opened: " + opened.ToString());
  return owned;
}

Result<StoreDescription> ReadDescription(rocksdb::DB& db, const std::string& name) {
  std::string text;
  const rocksdb::Status status =
      db.Get(rocksdb::ReadOptions(), rocksdb::Slice(kDescriptionKey), &text);
  if (status.IsNotFound()) {
    return Wrong(name,
                 "is a RocksDB database of somebody else; rows go into a folder of their own");
  }
  if (!status.ok()) return Wrong(name, "is damaged: " + status.ToString() + kLoadAgain);
  Result<StoreDescription> description = StoreDescriptionFromJson(text);
  if (description) return description;
  const bool is_newer = description.error().code == ErrorCode::kUnsupported;
  return Error{is_newer ? ErrorCode::kUnsupported : ErrorCode::kUnavailable,
               name + ": " + description.error().message + kLoadAgain};
}

}  // namespace

Result<std::shared_ptr<RowDatabase>> RowDatabase::Open(const std::filesystem::path& folder,
                                                       const std::string& name,
                                                       int64_t cache_bytes) {
  Result<std::unique_ptr<rocksdb::DB>> db = OpenFolder(folder, name);
  if (!db) return std::move(db).error();
  Result<StoreDescription> description = ReadDescription(**db, name);
  if (!description) return std::move(description).error();
  return std::shared_ptr<RowDatabase>(
      new RowDatabase(*std::move(db), *std::move(description), name, cache_bytes));
}

RowDatabase::RowDatabase(std::unique_ptr<rocksdb::DB> db, StoreDescription description,
                         std::string name, int64_t cache_bytes)
    : name_(std::move(name)),
      db_(std::move(db)),
      codec_(std::move(description.schema)),
      num_rows_(description.num_rows),
      cache_(cache_bytes),
      prefetcher_(std::make_unique<Prefetcher>([this](const Prefetcher::Keys& keys) {
        std::vector<std::string> missing;
        for (const std::string& key : keys) {
          if (!cache_.Contains(key)) missing.push_back(key);
        }
        // Whoever looks a damaged row up is told; nobody waits for an answer here.
        size_t ignored = 0;
        if (!missing.empty()) static_cast<void>(Read(missing, ignored));
      })) {}

RowDatabase::~RowDatabase() = default;

Result<RowDatabase::Rows> RowDatabase::Find(std::span<const std::string> keys,
                                            const CancelToken& cancel) {
  Rows rows(keys.size());
  std::vector<std::string> missing;  // each key once
  std::vector<size_t> first;         // of each of these, the first place in `keys`
  std::unordered_map<std::string_view, size_t> seen;
  std::vector<std::pair<size_t, size_t>> wanted;  // place in `keys`, place in `missing`
  for (size_t i = 0; i < keys.size(); ++i) {
    if (std::optional<StoredRowPtr> known = cache_.Find(keys[i])) {
      rows[i] = *std::move(known);
      continue;
    }
    const auto [at, is_new] = seen.try_emplace(keys[i], missing.size());
    if (is_new) {
      missing.push_back(keys[i]);
      first.push_back(i);
    }
    wanted.emplace_back(i, at->second);
  }
  if (missing.empty()) return rows;
  if (const std::optional<ErrorCode> stop = cancel.Check()) {
    return Error{*stop, std::string(NameOf(*stop))};
  }
  size_t damaged = 0;
  Result<Rows> read = Read(missing, damaged);
  if (!read) {
    read.error().row_id = static_cast<int64_t>(first[damaged]);
    return std::move(read).error();
  }
  for (const auto& [place, index] : wanted) rows[place] = (*read)[index];
  return rows;
}

Result<RowDatabase::Rows> RowDatabase::Read(std::span<const std::string> keys, size_t& damaged) {
  std::vector<std::string> row_keys;
  row_keys.reserve(keys.size());
  for (const std::string& key : keys) row_keys.push_back(RowKey(key));
  const std::vector<rocksdb::Slice> slices(row_keys.begin(), row_keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), keys.size(), slices.data(),
                values.data(), statuses.data());
  Rows rows(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!statuses[i].ok() && !statuses[i].IsNotFound()) {
      damaged = i;
      return Error{ErrorCode::kFailed, name_ + ": the row cannot be read (" +
                                           statuses[i].ToString() + ")" + kLoadAgain};
    }
    if (statuses[i].ok()) {
      Result<StoredRowPtr> row = codec_.Decode({values[i].data(), values[i].size()});
      if (!row) {
        damaged = i;
        row.error().message = name_ + ": " + row.error().message + kLoadAgain;
        return std::move(row).error();
      }
      rows[i] = *std::move(row);
    }
    rows[i] = cache_.Insert(keys[i], std::move(rows[i]));
  }
  return rows;
}

void RowDatabase::Prefetch(std::vector<std::string> keys) {
  std::erase_if(keys, [this](const std::string& key) { return cache_.Contains(key); });
  if (!keys.empty()) prefetcher_->Add(std::move(keys));
}

}  // namespace raceway::engine
