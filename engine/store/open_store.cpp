#include "engine/store/open_store.h"

#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "engine/input_file.h"
#include "engine/rows/read_rows.h"
#include "engine/store/rocks_store.h"
#include "engine/store/row_store.h"
#include "engine/store/vector_index.h"

namespace raceway::engine {
namespace {

Result<std::shared_ptr<const Store>> ReadStore(const StoreSpec& spec) {
  if (spec.kind == "index") return ReadVectorIndex(spec);
  const std::filesystem::path path = spec.base_dir / spec.source;
  Result<std::string> text = ReadFile(path);
  if (!text) return std::move(text).error();
  Result<Batch> rows =
      RowsFromJson(*text, spec.source, path.parent_path(),
                   std::make_shared<const Schema>(spec.schema), "store " + spec.name);
  if (!rows) return std::move(rows).error();
  return MakeRowStore(*rows, spec.name);
}

}  // namespace

Result<std::shared_ptr<const Store>> OpenStore(const StoreSpec& spec) {
  if (spec.kind == "rocksdb") return OpenRocksStore(spec);
  if (spec.kind != "rows" && spec.kind != "index") {
    return Error{ErrorCode::kUnsupported,
                 "store " + spec.name + ": there is no kind of store `" + spec.kind + "`"};
  }
  // By path, hash and schema. Opening waits for others that open, so that two lookups of one
  // deployment never read the same file twice.
  using Key = std::tuple<std::string, std::string, std::string>;
  static std::mutex mutex;
  static auto* stores = new std::map<Key, std::weak_ptr<const Store>>();
  std::error_code ignored;
  const std::filesystem::path path =
      std::filesystem::weakly_canonical(spec.base_dir / spec.source, ignored);
  const std::lock_guard lock(mutex);
  if (spec.sha256.empty()) return ReadStore(spec);
  std::weak_ptr<const Store>& known =
      (*stores)[Key{path.string(), spec.sha256, spec.kind + spec.metric + ToString(spec.schema)}];
  if (std::shared_ptr<const Store> store = known.lock()) return store;
  Result<std::shared_ptr<const Store>> opened = ReadStore(spec);
  if (opened) known = *opened;
  return opened;
}

}  // namespace raceway::engine
