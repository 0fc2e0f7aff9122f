#include "operators/explode.h"

#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/text_tensor.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Layout;
using engine::Result;

struct Exploded {
  std::string name;
  size_t column = 0;  // of the input
  engine::Type type;  // of an element
};

engine::TextTensor TextsAt(const Column& column, int64_t row) {
  return engine::UnpackOrEmpty(column.text()[row]);
}

int64_t LengthOf(const Column& column, int64_t row) {
  if (column.is_text()) return TextsAt(column, row).shape.front();
  return column.is_dense() ? column.dense().size(1)
                           : column.ragged()[static_cast<size_t>(row)].size(0);
}

bool HaveOneElementShape(const std::vector<at::Tensor>& rows) {
  for (const at::Tensor& row : rows) {
    if (row.sizes().slice(1) != rows.front().sizes().slice(1)) return false;
  }
  return true;
}

Column TextElements(const Column& column) {
  engine::TextBuilder builder;
  for (int64_t row = 0; row < column.num_rows(); ++row) {
    const engine::TextTensor texts = TextsAt(column, row);
    const std::span<const int64_t> shape = std::span(texts.shape).subspan(1);
    const auto length = static_cast<size_t>(texts.shape.front());
    const size_t size = length == 0 ? 0 : texts.elements.size() / length;
    for (size_t i = 0; i < length; ++i) {
      const auto element = std::span(texts.elements).subspan(i * size, size);
      if (shape.empty()) {
        builder.buffer() += element.front();
      } else {
        engine::Pack(shape, element, builder.buffer());
      }
      builder.EndRow();
    }
  }
  return std::move(builder).Build();
}

/// All elements of all rows, one after the other.
Column Elements(const Column& column, const engine::Type& type) {
  if (column.num_rows() == 0) return Column::Empty(type);
  if (column.is_text()) return TextElements(column);
  if (column.is_dense()) return column.dense().flatten(0, 1);
  if (HaveOneElementShape(column.ragged())) return at::cat(column.ragged());
  std::vector<at::Tensor> elements;
  for (const at::Tensor& row : column.ragged()) {
    for (int64_t i = 0; i < row.size(0); ++i) elements.push_back(row.select(0, i));
  }
  return Column::FromRows(std::move(elements), type);
}

class Explode final : public engine::Operator {
 public:
  Explode(std::vector<Exploded> columns, Layout layout)
      : columns_(std::move(columns)), layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& /*context*/) const override {
    const c10::InferenceMode inference;
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < input.num_rows(); ++row) {
      const int64_t length = LengthOf(input.column(columns_.front().column), row);
      for (const Exploded& other : columns_) {
        if (LengthOf(input.column(other.column), row) != length) {
          return Misfit(input, row, other);
        }
      }
      rows.insert(rows.end(), static_cast<size_t>(length), row);
    }
    std::vector<Column> elements(columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!layout_.is_wanted(i)) continue;
      elements[i] = Elements(input.column(columns_[i].column), columns_[i].type);
    }
    return layout_.AnyRows(input, rows, std::move(elements));
  }

 private:
  Error Misfit(const Batch& input, int64_t row, const Exploded& other) const {
    const Exploded& first = columns_.front();
    return {.code = ErrorCode::kFailed,
            .message = "`" + first.name + "` has " +
                       std::to_string(LengthOf(input.column(first.column), row)) + " elements, `" +
                       other.name + "` has " +
                       std::to_string(LengthOf(input.column(other.column), row)),
            .row_id = input.RowId(row)};
  }

  std::vector<Exploded> columns_;
  Layout layout_;
};

}  // namespace

Result<engine::AnyOperator> MakeExplode(const engine::OperatorSpec& spec) {
  const engine::StepSpec& step = spec.step;
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1 || step.arguments.empty() ||
      step.arguments.size() != step.results.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 "explode has one input, one output and a result for each column"};
  }
  std::vector<Exploded> columns;
  std::vector<std::string> defined;
  for (size_t i = 0; i < step.arguments.size(); ++i) {
    const auto& [name, column] = step.arguments[i];
    const std::optional<size_t> index = spec.inputs[0]->IndexOf(column);
    if (!index || (*spec.inputs[0])[*index].type.is_scalar() ||
        (*spec.inputs[0])[*index].type.optional) {
      return Error{ErrorCode::kInvalidArgument,
                   "explode wants a column with a dimension, `" + column + "` is none"};
    }
    engine::Type element = (*spec.inputs[0])[*index].type;
    element.shape.erase(element.shape.begin());
    columns.push_back({name, *index, std::move(element)});
    defined.push_back(step.results[i].second);
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();
  return engine::AnyOperator(std::make_unique<Explode>(std::move(columns), std::move(*layout)));
}

}  // namespace raceway::operators
