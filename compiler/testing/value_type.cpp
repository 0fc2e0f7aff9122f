#include "compiler/testing/value_type.h"

#include <algorithm>
#include <utility>

#include "engine/data/schema.h"

namespace raceway::compiler {
namespace {

using engine::DataType;
using Kind = ValueType::Kind;

/// Of the elements of a column.
Kind ElementOf(DataType type) {
  switch (type) {
    case DataType::kUnknown: return Kind::kUnknown;
    case DataType::kBool: return Kind::kBool;
    case DataType::kString: return Kind::kString;
    case DataType::kBytes: return Kind::kBytes;
    case DataType::kTimestamp: return Kind::kTimestamp;
    case DataType::kDuration: return Kind::kDuration;
    default: return engine::IsFloat(type) ? Kind::kFloat : Kind::kInt;
  }
}

bool FitsElement(Kind value, DataType column) {
  const Kind wanted = ElementOf(column);
  if (value == wanted || value == Kind::kUnknown || wanted == Kind::kUnknown) return true;
  if (value == Kind::kInt) return wanted == Kind::kFloat;
  return value == Kind::kString && (wanted == Kind::kBytes || wanted == Kind::kTimestamp);
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (shape[i] < 0 ? "_" : std::to_string(shape[i]));
  }
  return text + "]";
}

}  // namespace

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return "a bool";
    case Kind::kInt: return "an integer";
    case Kind::kFloat: return "a float";
    case Kind::kString: return "a string";
    case Kind::kBytes: return "bytes";
    case Kind::kDuration: return "a duration";
    case Kind::kTimestamp: return "a timestamp";
    case Kind::kTensor: return "a tensor";
    case Kind::kEmptyList: return "an empty list";
    case Kind::kRow: return "a row";
    case Kind::kTable: return "a table";
    case Kind::kUnknown: break;
  }
  return "something unknown";
}

bool AreAlike(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](int64_t x, int64_t y) { return x == y || x < 0 || y < 0; });
}

std::string ColumnsText(const std::vector<DeclaredColumn>& columns) {
  std::vector<engine::Field> fields;
  fields.reserve(columns.size());
  for (const DeclaredColumn& column : columns) fields.push_back({column.name, column.type});
  return ToString(engine::Schema(std::move(fields)));
}

std::vector<std::string> NamesOf(const std::vector<DeclaredColumn>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const DeclaredColumn& column : columns) names.push_back(column.name);
  return names;
}

const DeclaredColumn* FindColumn(const std::vector<DeclaredColumn>& columns,
                                 std::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const DeclaredColumn& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::string Describe(const ValueType& type) {
  std::string text(NameOf(type.kind));
  if (type.kind == Kind::kTensor) {
    const std::string_view element = NameOf(type.element);
    const size_t space = element.find(' ');
    text = "a tensor " + ShapeText(type.shape) + " of " +
           (space == std::string_view::npos ? std::string(element)
                                            : std::string(element.substr(space + 1)) + "s");
  } else if (type.kind == Kind::kRow || type.kind == Kind::kTable) {
    text += " " + ColumnsText(type.columns);
  }
  return text;
}

ValueType ValueTypeOf(const engine::Type& type) {
  const Kind element = ElementOf(type.dtype);
  if (type.is_scalar()) return {element, {}, Kind::kUnknown, {}};
  std::vector<int64_t> shape;
  for (const engine::Dim& dim : type.shape) shape.push_back(dim.is_size() ? dim.size : -1);
  return {Kind::kTensor, std::move(shape), element, {}};
}

std::string MisfitOf(const ValueType& value, const engine::Type& column, bool& is_shape) {
  is_shape = false;
  if (value.is_unknown() || column.is_unknown()) return {};
  if (value.kind == Kind::kNull) return column.optional ? "" : "is null";
  if (value.kind == Kind::kEmptyList && !column.is_scalar()) {
    is_shape = true;
    const engine::Dim& first = column.shape.front();
    return first.is_size() && first.size != 0 ? "is an empty list" : "";
  }
  const bool is_tensor = value.kind == Kind::kTensor;
  if (is_tensor == column.is_scalar() ||
      !FitsElement(is_tensor ? value.element : value.kind, column.dtype)) {
    return "is " + Describe(value);
  }
  is_shape = true;
  return is_tensor && !AreAlike(value.shape, ValueTypeOf(column).shape)
             ? "is of shape " + ShapeText(value.shape)
             : "";
}

}  // namespace raceway::compiler
