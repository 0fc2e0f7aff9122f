#include <raceway/table.h>

#include <limits>
#include <optional>
#include <utility>

#include "engine/data/plain_tensor.h"
#include "engine/data/text_tensor.h"
#include "operators/utf8.h"
#include "tools/library/convert.h"
#include "tools/library/table_data.h"

namespace raceway {
inline namespace v0 {
namespace {

using engine::Column;

Error NoColumn(std::string_view name, const std::vector<std::string>& names) {
  std::string text = "no column `" + std::string(name) + "` in the table; it has ";
  for (const std::string& other : names) {
    text += (&other == &names.front() ? "`" : ", `") + other + "`";
  }
  if (names.empty()) text += "none";
  return {ErrorCode::kInvalidArgument, std::move(text)};
}

Error OtherLayout(std::string_view name, const Column& column, const std::string& wanted) {
  const std::string is = column.is_dense()    ? "dense: read it by `Tensor`"
                         : column.is_ragged() ? "ragged: read it by `Tensors`"
                                              : "text: read it by `Texts` or `TextTensors`";
  return {ErrorCode::kInvalidArgument,
          "column `" + std::string(name) + "` is not " + wanted + ", it is " + is};
}

/// Rows of a column that a caller made: a tensor may be undefined or a scalar.
int64_t RowsOf(const Column& column) {
  if (!column.is_dense()) return column.num_rows();
  return column.dense().defined() && column.dense().dim() > 0 ? column.dense().size(0) : 0;
}

int64_t NumElements(const TextTensor& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) {
    if (size < 0 || (size > 0 && count > std::numeric_limits<int64_t>::max() / size)) return -1;
    count *= size;
  }
  return count;
}

/// Without the caller's gradients: an engine computes answers.
at::Tensor Plain(at::Tensor tensor) {
  return tensor.defined() && tensor.requires_grad() ? tensor.detach() : std::move(tensor);
}

}  // namespace

const Column* Table::State::Find(std::string_view name) const {
  if (batch) {
    const std::optional<size_t> index = batch.schema()->IndexOf(name);
    return index ? &batch.column(*index) : nullptr;
  }
  for (const auto& [own, column] : columns) {
    if (own == name) return &column;
  }
  return nullptr;
}

std::vector<std::string> Table::State::names() const {
  std::vector<std::string> names;
  if (batch) {
    for (const engine::Field& field : batch.schema()->fields()) names.push_back(field.name);
  }
  for (const auto& [name, column] : columns) names.push_back(name);
  return names;
}

Table TableAccess::Of(engine::Batch batch) {
  auto state = std::make_shared<Table::State>();
  state->batch = std::move(batch);
  return Table(std::move(state));
}

Table::Table() : state_(std::make_shared<State>()) {}
Table::Table(std::shared_ptr<State> state) : state_(std::move(state)) {}

// A state that nobody else has, with columns in place of a batch.
Table::State& Table::Own() {
  if (!state_->batch && state_.use_count() == 1) return *state_;
  auto own = std::make_shared<State>();
  own->columns = state_->columns;
  if (const engine::Batch& batch = state_->batch) {
    for (size_t i = 0; i < batch.schema()->size(); ++i) {
      own->columns.emplace_back((*batch.schema())[i].name, batch.column(i));
    }
  }
  state_ = std::move(own);
  return *state_;
}

void Table::State::Set(std::string name, Column column) {
  for (auto& [own, value] : columns) {
    if (own != name) continue;
    value = std::move(column);
    return;
  }
  columns.emplace_back(std::move(name), std::move(column));
}

Table& Table::Set(std::string name, at::Tensor rows) {
  Own().Set(std::move(name), Plain(std::move(rows)));
  return *this;
}

Table& Table::Set(std::string name, std::vector<at::Tensor> rows) {
  for (at::Tensor& row : rows) row = Plain(std::move(row));
  Own().Set(std::move(name), Column(std::move(rows)));
  return *this;
}

Table& Table::Set(std::string name, const std::vector<std::string>& rows) {
  Own().Set(std::move(name), engine::TextColumn::Of(rows));
  return *this;
}

Table& Table::Set(std::string name, const std::vector<TextTensor>& rows) {
  engine::TextBuilder builder(static_cast<int64_t>(rows.size()));
  for (const TextTensor& row : rows) {
    const std::vector<std::string_view> elements(row.elements.begin(), row.elements.end());
    // What is no tensor is packed as none, which whoever runs the table says.
    if (NumElements(row) == static_cast<int64_t>(elements.size())) {
      engine::Pack(row.shape, elements, builder.buffer());
    }
    builder.EndRow();
  }
  Own().Set(std::move(name), std::move(builder).Build());
  return *this;
}

Status Table::SetMask(std::string_view name, at::Tensor has_value) {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  if (has_value.defined() &&
      (!engine::ProblemOf(has_value).empty() || has_value.scalar_type() != at::kBool ||
       has_value.dim() != 1 || has_value.size(0) != RowsOf(*column))) {
    return Error{ErrorCode::kInvalidArgument, "the mask of `" + std::string(name) +
                                                  "` must be bool[" +
                                                  std::to_string(RowsOf(*column)) + "] on the CPU"};
  }
  Column masked = column->WithValidity(std::move(has_value));
  Own().Set(std::string(name), std::move(masked));
  return Done{};
}

int64_t Table::num_rows() const {
  if (state_->batch) return state_->batch.num_rows();
  return state_->columns.empty() ? 0 : RowsOf(state_->columns.front().second);
}

std::vector<std::string> Table::names() const { return state_->names(); }

Result<Layout> Table::LayoutOf(std::string_view name) const {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  return column->is_dense()    ? Layout::kDense
         : column->is_ragged() ? Layout::kRagged
                               : Layout::kText;
}

Result<at::Tensor> Table::Tensor(std::string_view name) const {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  if (!column->is_dense()) return OtherLayout(name, *column, "dense");
  return column->dense();
}

Result<std::vector<at::Tensor>> Table::Tensors(std::string_view name) const {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  if (column->is_text()) return OtherLayout(name, *column, "made of tensors");
  std::vector<at::Tensor> rows;
  const int64_t num_rows = RowsOf(*column);
  rows.reserve(static_cast<size_t>(num_rows));
  for (int64_t row = 0; row < num_rows; ++row) rows.push_back(column->Row(row));
  return rows;
}

Result<std::vector<std::string_view>> Table::Texts(std::string_view name) const {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  if (!column->is_text()) return OtherLayout(name, *column, "text");
  std::vector<std::string_view> rows;
  const engine::TextColumn& text = column->text();
  rows.reserve(static_cast<size_t>(text.num_rows()));
  for (int64_t row = 0; row < text.num_rows(); ++row) rows.push_back(text[row]);
  return rows;
}

Result<std::vector<TextTensor>> Table::TextTensors(std::string_view name) const {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  if (!column->is_text()) return OtherLayout(name, *column, "text");
  std::vector<TextTensor> rows;
  const engine::TextColumn& text = column->text();
  rows.reserve(static_cast<size_t>(text.num_rows()));
  for (int64_t row = 0; row < text.num_rows(); ++row) {
    const std::optional<engine::TextTensor> tensor = engine::Unpack(text[row]);
    if (!tensor && !column->is_null(row)) {
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = "column `" + std::string(name) + "` holds text, not tensors of it",
                   .row = row};
    }
    TextTensor& out = rows.emplace_back();
    if (!tensor) continue;
    out.shape = tensor->shape;
    out.elements.assign(tensor->elements.begin(), tensor->elements.end());
  }
  return rows;
}

Result<at::Tensor> Table::Mask(std::string_view name) const {
  const Column* column = state_->Find(name);
  if (column == nullptr) return NoColumn(name, state_->names());
  return column->validity();
}

}  // namespace v0

namespace library {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

Error BadColumn(const std::string& name, const std::string& what, int64_t row = -1) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = "column `" + name + "` " + what,
          .row_id = row};
}

/// Checks and, where rows of one shape came one by one, stacks them.
Result<Column> Conform(const Column& column, const engine::Field& field) {
  if (column.is_dense()) {
    const std::string problem = engine::ProblemOf(column.dense());
    if (!problem.empty()) return BadColumn(field.name, problem);
    if (column.dense().dim() > 0) return column;
    return BadColumn(field.name, "is a scalar tensor, rows are its dimension 0");
  }
  if (column.is_ragged()) {
    bool all_defined = true;
    for (size_t row = 0; row < column.ragged().size(); ++row) {
      const at::Tensor& tensor = column.ragged()[row];
      all_defined = all_defined && tensor.defined();
      if (!tensor.defined() && field.type.optional) continue;
      const std::string problem = engine::ProblemOf(tensor);
      if (!problem.empty()) return BadColumn(field.name, problem, static_cast<int64_t>(row));
    }
    // Text is wanted or a type is wrong: said by `Batch::Make`, of the column as it is.
    if (engine::IsText(field.type.dtype)) return column;
    if (all_defined && !field.type.is_fixed() && !column.ragged().empty()) return column;
    Column rows = Column::FromRows(column.ragged(), field.type);
    return rows.validity().defined() ? rows : rows.WithValidity(column.validity());
  }
  if (field.type.dtype != engine::DataType::kString || !field.type.is_scalar()) return column;
  const engine::TextColumn& text = column.text();
  for (int64_t row = 0; row < text.num_rows(); ++row) {
    const size_t valid = operators::Utf8PrefixLength(text[row]);
    if (valid == text[row].size()) continue;
    return BadColumn(field.name, "is no UTF-8 at byte " + std::to_string(valid + 1), row);
  }
  return column;
}

Result<Column> DefaultOf(const engine::InputSpec& input, const engine::Field& field,
                         int64_t num_rows) {
  for (const auto& [name, value] : input.defaults) {
    if (name == field.name) return Column::Constant(value, field.type, num_rows);
  }
  return Error{ErrorCode::kInvalidArgument, "the table has no column `" + field.name + "`"};
}

}  // namespace

Result<engine::Batch> ToBatch(const Table& table, const engine::SchemaPtr& wants,
                              const engine::InputSpec& input, const std::string& flow) {
  const Table::State& state = TableAccess::StateOf(table);
  if (state.batch && state.batch.schema() == wants) return state.batch;
  const auto refuse = [&](Error error) {
    error.message.insert(0, "`" + flow + "` takes " + engine::ToString(*wants) + ": ");
    return error;
  };
  std::vector<Column> columns;
  columns.reserve(wants->size());
  for (const engine::Field& field : wants->fields()) {
    const Column* column = state.Find(field.name);
    Result<Column> conformed =
        column != nullptr ? Conform(*column, field) : DefaultOf(input, field, table.num_rows());
    if (!conformed) return refuse(std::move(conformed).error());
    columns.push_back(*std::move(conformed));
  }
  for (const std::string& name : state.names()) {
    if (wants->Find(name) != nullptr) continue;
    return refuse({ErrorCode::kInvalidArgument, "no column `" + name + "` is expected"});
  }
  Result<engine::Batch> batch = engine::Batch::Make(wants, std::move(columns));
  return batch ? std::move(batch) : refuse(std::move(batch).error());
}

}  // namespace library
}  // namespace raceway
