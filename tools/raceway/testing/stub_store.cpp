#include "tools/raceway/testing/stub_store.h"

#include <utility>
#include <vector>

#include "tools/raceway/testing/cells.h"

namespace raceway::tools {
namespace {

using engine::Column;
using engine::Result;
using engine::Store;
using engine::StoreSpec;
using engine::Value;

class SameRowStore final : public Store {
 public:
  explicit SameRowStore(std::vector<Column> row) : row_(std::move(row)) {}

  Result<Found> Find(const Column& keys, std::span<const size_t> columns,
                     const engine::CancelToken& /*cancel*/) const override {
    const auto num_keys = static_cast<size_t>(keys.num_rows());
    Found found{std::vector<bool>(num_keys, true), {}};
    const std::vector<int64_t> first(num_keys, 0);
    for (const size_t column : columns) found.columns.push_back(row_[column].Take(first));
    return found;
  }

 private:
  std::vector<Column> row_;  // of one row
};

}  // namespace

Result<std::shared_ptr<const Store>> MakeSameRowStore(const StoreSpec& spec, const Value& row) {
  std::vector<Column> columns;
  for (size_t i = 1; i < spec.schema.size(); ++i) {
    const engine::Field& field = spec.schema[i];
    const Value* cell = row.Find(field.name);
    const Value cells[] = {cell != nullptr ? *cell : Value()};
    Result<Column> column = ColumnOf(cells, field.type);
    if (!column.ok()) {
      return engine::Error{
          engine::ErrorCode::kInvalidArgument,
          "the stub of `" + spec.name + "`: `" + field.name + "` " + column.error().message};
    }
    columns.push_back(*std::move(column));
  }
  return std::shared_ptr<const Store>(std::make_shared<SameRowStore>(std::move(columns)));
}

}  // namespace raceway::tools
