#include "engine/store/rocks_store.h"

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/input_file.h"
#include "engine/store/row_codec.h"
#include "engine/store/row_database.h"
#include "engine/store/store_description.h"

namespace raceway::engine {
namespace {

class RocksStore final : public Store {
 public:
  /// `cells[i]` is where the database has what the flow declares as column i + 1 of `schema`.
  RocksStore(std::shared_ptr<RowDatabase> database, Schema schema, std::vector<size_t> cells)
      : database_(std::move(database)), schema_(std::move(schema)), cells_(std::move(cells)) {}

  Result<Found> Find(const Column& keys, std::span<const size_t> columns,
                     const CancelToken& cancel) const override {
    Result<RowDatabase::Rows> rows = database_->Find(EncodeKeys(keys), cancel);
    if (!rows) return std::move(rows).error();
    Found found;
    found.is_there.reserve(rows->size());
    for (const StoredRowPtr& row : *rows) found.is_there.push_back(row != nullptr);
    found.columns.reserve(columns.size());
    for (const size_t column : columns) {
      found.columns.push_back(ColumnOfCells(*rows, cells_[column], schema_[column + 1].type));
    }
    return found;
  }

  void Prefetch(const Column& keys) const override { database_->Prefetch(EncodeKeys(keys)); }

 private:
  std::shared_ptr<RowDatabase> database_;
  Schema schema_;
  std::vector<size_t> cells_;
};

/// Which folder it is, whatever it is called: one that was loaded anew is another. A folder may get
/// the number of one that is gone, so what RocksDB calls the database (file IDENTITY) counts too.
using FolderId = std::tuple<dev_t, ino_t, std::string>;

Result<std::shared_ptr<RowDatabase>> OpenShared(const StoreSpec& spec, const std::string& name) {
  static std::mutex mutex;
  static auto* databases = new std::map<FolderId, std::weak_ptr<RowDatabase>>();
  const std::filesystem::path folder = spec.base_dir / spec.source;
  const int64_t cache_bytes = spec.cache_bytes > 0 ? spec.cache_bytes : kDefaultCacheBytes;
  // Opening waits for others that open: two flows never open one folder twice.
  const std::lock_guard lock(mutex);
  struct stat info {};
  const bool is_there = ::stat(folder.c_str(), &info) == 0;
  const Result<std::string> identity = ReadFile(folder / "IDENTITY");
  const FolderId id{info.st_dev, info.st_ino, identity ? *identity : ""};
  if (is_there) {
    const auto known = databases->find(id);
    if (known != databases->end()) {
      if (std::shared_ptr<RowDatabase> database = known->second.lock()) {
        database->cache().GrowTo(cache_bytes);
        return database;
      }
    }
  }
  std::erase_if(*databases, [](const auto& entry) { return entry.second.expired(); });
  Result<std::shared_ptr<RowDatabase>> opened = RowDatabase::Open(folder, name, cache_bytes);
  if (opened) (*databases)[id] = *opened;
  return opened;
}

Error Differs(const std::string& name, const std::string& what) {
  return {ErrorCode::kInvalidArgument, name + what};
}

/// Where the database has what the flow declares.
Result<std::vector<size_t>> MatchColumns(const Schema& declared, const Schema& stored,
                                         const std::string& name) {
  if (stored[0].type != declared[0].type) {
    return Differs(name, " has the key `" + stored[0].name + ": " + ToString(stored[0].type) +
                             "`, the flow declares `" + declared[0].name + ": " +
                             ToString(declared[0].type) + "`");
  }
  std::vector<size_t> cells;
  for (size_t i = 1; i < declared.size(); ++i) {
    const Field& field = declared[i];
    const std::optional<size_t> at = stored.IndexOf(field.name);
    if (!at || *at == 0) {
      return Differs(name, " has no column `" + field.name + "`, it has " + ToString(stored));
    }
    const Type& type = stored[*at].type;
    if (!CanReadAs(type, field.type)) {
      return Differs(name, " has `" + field.name + ": " + ToString(type) +
                               "`, the flow declares `" + ToString(field.type) +
                               "`; declare it so, or load the rows again");
    }
    cells.push_back(*at - 1);
  }
  return cells;
}

}  // namespace

Result<std::shared_ptr<const Store>> OpenRocksStore(const StoreSpec& spec) {
  const std::string name =
      "store " + spec.name + ": `" + (spec.base_dir / spec.source).string() + "`";
  Result<std::shared_ptr<RowDatabase>> database = OpenShared(spec, name);
  if (!database) return std::move(database).error();
  Result<std::vector<size_t>> cells = MatchColumns(spec.schema, (*database)->schema(), name);
  if (!cells) return std::move(cells).error();
  return std::shared_ptr<const Store>(
      std::make_shared<RocksStore>(*std::move(database), spec.schema, *std::move(cells)));
}

}  // namespace raceway::engine
