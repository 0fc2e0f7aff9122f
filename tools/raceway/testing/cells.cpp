#include "tools/raceway/testing/cells.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/data/text_tensor.h"
#include "tools/raceway/testing/evaluate.h"
#include "tools/raceway/testing/show.h"

namespace raceway::tools {
namespace {

using engine::Batch;
using engine::Column;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using engine::Type;
using engine::Value;

Error Bad(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

/// A nested list, flattened.
struct Elements {
  std::vector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> integers;  // bools and times too
};

Status AddElement(const Value& value, DataType type, Elements& out) {
  const auto misfit = [&] {
    return Bad("is " + Show(value) + ", which is no " + std::string(NameOf(type)));
  };
  if (engine::IsFloat(type)) {
    const std::optional<Integer> integer = IntegerOf(value);
    if (!integer && !value.AsNumber()) return misfit();
    out.floats.push_back(integer ? static_cast<double>(*integer) : *value.AsNumber());
    return engine::Done{};
  }
  if (type == DataType::kTimestamp) {
    const std::optional<int64_t> time = TimestampOf(value);
    if (!time) return misfit();
    out.integers.push_back(*time);
  } else if (const int64_t* nanoseconds = NanosecondsOf(value)) {
    out.integers.push_back(*nanoseconds);
  } else if (const bool* boolean = value.AsBool()) {
    out.integers.push_back(*boolean ? 1 : 0);
  } else if (IsLargeInteger(value) && type == DataType::kU64) {
    out.integers.push_back(static_cast<int64_t>(*IntegerOf(value)));  // the bits
  } else if (value.AsNumber()) {
    const auto [low, high] = engine::IntegerRange(type);
    const double number = *value.AsNumber();
    const int64_t* integer = value.AsInt();
    // One half of a float is no integer; 20.0 of `one_hot(1, 4) * 20.0` is one.
    if (integer == nullptr && (std::trunc(number) != number || std::abs(number) > 0x1p53)) {
      return misfit();
    }
    out.integers.push_back(integer != nullptr ? *integer : static_cast<int64_t>(number));
    if (out.integers.back() < low || out.integers.back() > high) return misfit();
  } else {
    return misfit();
  }
  return engine::Done{};
}

Status Flatten(const Value& value, const Type& type, size_t depth, Elements& out) {
  if (depth == type.shape.size()) return AddElement(value, type.dtype, out);
  const Value::List* list = value.AsList();
  if (list == nullptr) return Bad("is no " + ToString(type));
  const auto size = static_cast<int64_t>(list->size());
  if (out.shape.size() <= depth) {
    out.shape.push_back(size);
  } else if (out.shape[depth] != size) {
    return Bad("is ragged");
  }
  for (const Value& item : *list) {
    if (Status status = Flatten(item, type, depth + 1, out); !status.ok()) return status;
  }
  return engine::Done{};
}

Result<at::Tensor> TensorOf(const Value& value, const Type& type) {
  Elements elements;
  if (Status status = Flatten(value, type, 0, elements); !status.ok()) {
    return std::move(status).error();
  }
  // An empty list stops the descent: the dimensions below it are as declared.
  for (size_t i = elements.shape.size(); i < type.shape.size(); ++i) {
    elements.shape.push_back(std::max<int64_t>(type.shape[i].size, 0));
  }
  const at::Tensor flat = engine::IsFloat(type.dtype) ? at::tensor(elements.floats, at::kDouble)
                                                      : at::tensor(elements.integers, at::kLong);
  return flat.view(elements.shape).to(engine::ScalarTypeOf(type.dtype));
}

/// The double that is written like the float.
double AsWritten(float value) {
  if (!std::isfinite(value)) return value;
  std::array<char, 32> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  double number = 0;
  std::from_chars(buffer.data(), written.ptr, number);
  return number;
}

Value ElementOf(const at::Tensor& scalar, DataType type) {
  if (type == DataType::kBool) return Value(scalar.item<bool>());
  if (type == DataType::kF64) return Value(scalar.item<double>());
  if (engine::IsFloat(type)) return Value(AsWritten(scalar.item<float>()));
  if (type == DataType::kTimestamp) return Timestamp(scalar.item<int64_t>());
  if (type == DataType::kDuration) return Duration(scalar.item<int64_t>());
  if (type == DataType::kU64) return Unsigned(scalar.item().toUInt64());
  return Value(scalar.item<int64_t>());
}

Value ValueOf(const at::Tensor& tensor, DataType type) {
  if (tensor.dim() == 0) return ElementOf(tensor, type);
  Value::List list;
  list.reserve(static_cast<size_t>(tensor.size(0)));
  for (int64_t i = 0; i < tensor.size(0); ++i) list.push_back(ValueOf(tensor.select(0, i), type));
  return Value(std::move(list));
}

Status GatherTexts(const Value& value, const Type& type, size_t depth,
                   engine::TextTensorBuilder& out) {
  const bool is_element = depth == type.shape.size();
  if (is_element ? value.AsString() == nullptr : value.AsList() == nullptr) {
    return Bad("is " + ToString(value) + ", which is no " + ToString(type));
  }
  if (is_element) {
    out.AddElement(*value.AsString());
    return engine::Done{};
  }
  if (!out.AddList(depth, static_cast<int64_t>(value.AsList()->size()))) return Bad("is ragged");
  for (const Value& item : *value.AsList()) {
    if (Status status = GatherTexts(item, type, depth + 1, out); !status.ok()) return status;
  }
  return engine::Done{};
}

/// A text, or a tensor of them packed.
Result<std::string> TextRowOf(const Value& cell, const Type& type) {
  if (type.is_scalar()) {
    if (cell.AsString() != nullptr) return *cell.AsString();
    return Bad("is " + ToString(cell) + ", which is no text");
  }
  engine::TextTensorBuilder builder;
  if (Status status = GatherTexts(cell, type, 0, builder); !status.ok()) {
    return std::move(status).error();
  }
  std::vector<int64_t> declared;
  for (const engine::Dim& dim : type.shape) declared.push_back(dim.size);
  return builder.Finish(declared);
}

Value TextsAsValue(const engine::TextTensor& texts, size_t depth, size_t& next) {
  if (depth == texts.shape.size()) return Value(std::string(texts.elements[next++]));
  Value::List list;
  for (int64_t i = 0; i < texts.shape[depth]; ++i) {
    list.push_back(TextsAsValue(texts, depth + 1, next));
  }
  return Value(std::move(list));
}

Result<Column> TextsOf(std::span<const Value> cells, const Type& type) {
  std::vector<std::string> texts;
  std::vector<int64_t> is_there;
  for (const Value& cell : cells) {
    const bool is_null = cell.is_null() && type.optional;
    Result<std::string> text = is_null ? Result<std::string>(std::string()) : TextRowOf(cell, type);
    if (!text.ok()) return std::move(text).error();
    texts.push_back(*std::move(text));
    is_there.push_back(is_null ? 0 : 1);
  }
  Column column(engine::TextColumn::Of(texts));
  if (type.optional) {
    column = column.WithValidity(at::tensor(is_there, at::kLong).to(at::kBool));
  }
  if (Status fits = column.CheckType(type); !fits.ok()) return std::move(fits).error();
  return column;
}

}  // namespace

Result<Column> ColumnOf(std::span<const Value> cells, const Type& type) {
  if (cells.empty()) return Column::Empty(type);
  if (engine::IsText(type.dtype)) return TextsOf(cells, type);
  std::vector<at::Tensor> tensors;
  for (const Value& cell : cells) {
    if (cell.is_null() && type.optional) {
      tensors.emplace_back();
      continue;
    }
    Result<at::Tensor> tensor = TensorOf(cell, type);
    if (!tensor.ok()) return std::move(tensor).error();
    tensors.push_back(*std::move(tensor));
  }
  Column column = Column::FromRows(std::move(tensors), type);
  if (Status fits = column.CheckType(type); !fits.ok()) return std::move(fits).error();
  return column;
}

Result<Batch> TableOf(const Value& records, engine::SchemaPtr schema) {
  std::vector<Column> columns;
  for (const engine::Field& field : schema->fields()) {
    std::vector<Value> cells;
    for (const Value& record : *records.AsList()) {
      const Value* cell = record.Find(field.name);
      cells.push_back(cell != nullptr ? *cell : Value());
    }
    Result<Column> column = ColumnOf(cells, field.type);
    if (!column.ok()) return Bad("`" + field.name + "` " + column.error().message);
    columns.push_back(*std::move(column));
  }
  return Batch::Make(std::move(schema), std::move(columns));
}

Value CellOf(const Column& column, const Type& type, int64_t row) {
  if (column.is_null(row)) return {};
  if (column.is_text() && !type.is_scalar()) {
    size_t next = 0;
    return TextsAsValue(engine::UnpackOrEmpty(column.text()[row]), 0, next);
  }
  if (column.is_text()) return Value(std::string(column.text()[row]));
  return ValueOf(column.Row(row), type.dtype);
}

Value ValueOfParam(const Value& value, DataType type) {
  if (value.AsInt() == nullptr) return value;
  if (type == DataType::kU64) return Unsigned(static_cast<uint64_t>(*value.AsInt()));
  if (type == DataType::kTimestamp) return Timestamp(*value.AsInt());
  return type == DataType::kDuration ? Duration(*value.AsInt()) : value;
}

Value RecordsOf(const Batch& table) {
  Value::List records;
  const engine::Schema& schema = *table.schema();
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    Value::Record record;
    for (size_t i = 0; i < schema.size(); ++i) {
      record.emplace_back(schema[i].name, CellOf(table.column(i), schema[i].type, row));
    }
    records.emplace_back(std::move(record));
  }
  return Value(std::move(records));
}

}  // namespace raceway::tools
