#include "engine/data/batch.h"

#include <cassert>
#include <string>
#include <utility>

#include "engine/data/symbols.h"

namespace raceway::engine {
namespace {

[[maybe_unused]] bool AllHaveRows(const std::vector<Column>& columns, int64_t num_rows) {
  for (const Column& column : columns) {
    if (column.num_rows() != num_rows) return false;
  }
  return true;
}

/// The row ids of the rows at `rows`; null where row r stays row r.
RowIds TakeRowIds(const Batch& input, std::span<const int64_t> rows) {
  const bool is_prefix = rows.empty() || rows.back() == static_cast<int64_t>(rows.size()) - 1;
  if (!input.row_ids() && is_prefix) return nullptr;
  auto row_ids = std::make_shared<std::vector<int64_t>>();
  row_ids->reserve(rows.size());
  for (const int64_t row : rows) row_ids->push_back(input.RowId(row));
  return row_ids;
}

}  // namespace

Batch::Batch(SchemaPtr schema, std::vector<Column> columns, int64_t num_rows, RowIds row_ids) {
  assert(schema != nullptr && columns.size() == schema->size());
  assert(AllHaveRows(columns, num_rows));
  assert(row_ids == nullptr || static_cast<int64_t>(row_ids->size()) == num_rows);
  data_ = std::make_shared<const Data>(
      Data{std::move(schema), std::move(columns), num_rows, std::move(row_ids)});
}

Batch Batch::Empty(SchemaPtr schema) {
  std::vector<Column> columns;
  columns.reserve(schema->size());
  for (const Field& field : schema->fields()) columns.push_back(Column::Empty(field.type));
  return {std::move(schema), std::move(columns), 0};
}

Result<Batch> Batch::Make(SchemaPtr schema, std::vector<Column> columns) {
  if (columns.size() != schema->size()) {
    return Error{ErrorCode::kInvalidArgument, "there are " + std::to_string(columns.size()) +
                                                  " columns, declared " + ToString(*schema)};
  }
  const int64_t num_rows = columns.empty() ? 0 : columns[0].num_rows();
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string name = "column `" + (*schema)[i].name + "` ";
    Status checked = columns[i].CheckType((*schema)[i].type);
    if (!checked) {
      checked.error().message.insert(0, name);
      return checked.error();
    }
    if (columns[i].num_rows() != num_rows) {
      return Error{ErrorCode::kInvalidArgument,
                   name + "has " + std::to_string(columns[i].num_rows()) + " rows, `" +
                       (*schema)[0].name + "` has " + std::to_string(num_rows)};
    }
  }
  if (Status checked = CheckSymbols(schema->fields(), columns); !checked) return checked.error();
  return Batch(std::move(schema), std::move(columns), num_rows);
}

Result<Layout> Layout::Make(const Schema& input, SchemaPtr output,
                            std::span<const std::string> defined) {
  Layout layout;
  layout.defined_.assign(defined.size(), -1);
  for (size_t to = 0; to < output->size(); ++to) {
    const Field& field = (*output)[to];
    bool is_defined = false;
    for (size_t i = 0; i < defined.size(); ++i) {
      if (defined[i] != field.name) continue;
      layout.defined_[i] = static_cast<int32_t>(to);
      is_defined = true;
    }
    if (is_defined) continue;
    const std::optional<size_t> from = input.IndexOf(field.name);
    if (!from) {
      return Error{ErrorCode::kInvalidArgument,
                   "no column `" + field.name + "` in " + ToString(input)};
    }
    if (input[*from].type != field.type) {
      return Error{ErrorCode::kInvalidArgument, "column `" + field.name + "` is " +
                                                    ToString(input[*from].type) + ", declared " +
                                                    ToString(field.type)};
    }
    layout.carried_.push_back({static_cast<int32_t>(*from), static_cast<int32_t>(to)});
  }
  layout.is_identity_ = layout.carried_.size() == output->size() && input == *output;
  layout.output_ = std::move(output);
  return layout;
}

Batch Layout::SameRows(const Batch& input, std::vector<Column> defined) const {
  assert(defined.size() == defined_.size());
  if (is_identity_) return input;
  std::vector<Column> columns(output_->size());
  for (const Carry& carry : carried_) {
    columns[static_cast<size_t>(carry.to)] = input.column(static_cast<size_t>(carry.from));
  }
  for (size_t i = 0; i < defined.size(); ++i) {
    if (is_wanted(i)) columns[static_cast<size_t>(defined_[i])] = std::move(defined[i]);
  }
  return {output_, std::move(columns), input.num_rows(), input.row_ids()};
}

Batch Layout::SomeRows(const Batch& input, std::span<const int64_t> rows) const {
  assert(carried_.size() == output_->size());
  if (static_cast<int64_t>(rows.size()) == input.num_rows()) {
    return SameRows(input, std::vector<Column>(defined_.size()));
  }
  std::vector<Column> columns(output_->size());
  for (const Carry& carry : carried_) {
    columns[static_cast<size_t>(carry.to)] =
        input.column(static_cast<size_t>(carry.from)).Take(rows);
  }
  return {output_, std::move(columns), static_cast<int64_t>(rows.size()), TakeRowIds(input, rows)};
}

Batch Layout::AnyRows(const Batch& input, std::span<const int64_t> rows,
                      std::vector<Column> defined) const {
  assert(defined.size() == defined_.size());
  std::vector<Column> columns(output_->size());
  for (const Carry& carry : carried_) {
    columns[static_cast<size_t>(carry.to)] =
        input.column(static_cast<size_t>(carry.from)).Take(rows);
  }
  for (size_t i = 0; i < defined.size(); ++i) {
    if (is_wanted(i)) columns[static_cast<size_t>(defined_[i])] = std::move(defined[i]);
  }
  auto row_ids = std::make_shared<std::vector<int64_t>>();
  row_ids->reserve(rows.size());
  for (const int64_t row : rows) row_ids->push_back(input.RowId(row));
  return {output_, std::move(columns), static_cast<int64_t>(rows.size()), std::move(row_ids)};
}

}  // namespace raceway::engine
