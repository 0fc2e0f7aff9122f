#include "engine/store/row_store.h"

#include <c10/core/InferenceMode.h>

#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "engine/data/key_text.h"
#include "engine/data/key_type.h"
#include "engine/data/longs.h"
#include "engine/store/row_codec.h"

namespace raceway::engine {
namespace {

/// Which row has which key.
class Index {
 public:
  /// The second row with a key, or -1. Texts live in `keys`, which outlives the index.
  int64_t Add(const Column& keys) {
    if (keys.is_text()) {
      for (int64_t row = 0; row < keys.num_rows(); ++row) {
        if (!texts_.try_emplace(keys.text()[row], row).second) return row;
      }
      return -1;
    }
    const at::Tensor numbers = Longs(keys.dense());
    const int64_t* data = numbers.const_data_ptr<int64_t>();
    for (int64_t row = 0; row < keys.num_rows(); ++row) {
      if (!numbers_.try_emplace(data[row], row).second) return row;
    }
    return -1;
  }

  /// The row of each key, -1 where there is none.
  std::vector<int64_t> Find(const Column& keys) const {
    std::vector<int64_t> rows(static_cast<size_t>(keys.num_rows()), -1);
    if (keys.is_text()) {
      for (size_t i = 0; i < rows.size(); ++i) {
        rows[i] = RowOf(texts_, keys.text()[static_cast<int64_t>(i)]);
      }
      return rows;
    }
    const at::Tensor numbers = Longs(keys.dense());
    const int64_t* data = numbers.const_data_ptr<int64_t>();
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = RowOf(numbers_, data[i]);
    return rows;
  }

 private:
  template <typename Key>
  static int64_t RowOf(const std::unordered_map<Key, int64_t>& rows, const Key& key) {
    const auto found = rows.find(key);
    return found == rows.end() ? -1 : found->second;
  }

  std::unordered_map<std::string_view, int64_t> texts_;
  std::unordered_map<int64_t, int64_t> numbers_;
};

class RowStore final : public Store {
 public:
  explicit RowStore(Batch rows) : rows_(std::move(rows)) {}

  /// The second row with a key, or -1.
  int64_t Fill() { return index_.Add(rows_.column(0)); }

  Result<Found> Find(const Column& keys, std::span<const size_t> columns,
                     const CancelToken& /*cancel*/) const override {
    const c10::InferenceMode inference;
    const std::vector<int64_t> rows = index_.Find(keys);
    Found found;
    found.is_there.reserve(rows.size());
    for (const int64_t row : rows) found.is_there.push_back(row >= 0);
    for (const size_t column : columns) {
      const Type& type = (*rows_.schema())[column + 1].type;
      found.columns.push_back(rows_.column(column + 1).TakeOrNull(rows, type));
    }
    return found;
  }

 private:
  Batch rows_;
  Index index_;
};

}  // namespace

Result<std::shared_ptr<const Store>> MakeRowStore(const Batch& rows, const std::string& name) {
  const Schema& schema = *rows.schema();
  if (schema.size() == 0 || !CanBeKey(schema[0].type)) {
    return Error{ErrorCode::kInvalidArgument,
                 "store " + name + ": " + ToString(schema) + " does not begin with a key"};
  }
  auto store = std::make_shared<RowStore>(rows);
  if (const int64_t second = store->Fill(); second >= 0) {
    return Error{ErrorCode::kInvalidArgument, "store " + name + ": two rows have the key " +
                                                  KeyText(rows.column(0), schema[0].type, second)};
  }
  return std::shared_ptr<const Store>(std::move(store));
}

}  // namespace raceway::engine
