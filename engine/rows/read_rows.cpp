#include "engine/rows/read_rows.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/data/text_tensor.h"
#include "engine/data/time_text.h"
#include "engine/input_file.h"
#include "engine/rows/base64.h"
#include "engine/rows/npy.h"

namespace raceway::engine {
namespace {

using Json = nlohmann::json;

Error Bad(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

std::string KindOf(const Json& value) {
  if (value.is_number()) return value.dump();
  if (value.is_string()) return "a string";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  if (value.is_boolean()) return "a bool";
  return "null";
}

/// Nested lists of numbers or bools, flattened.
struct Elements {
  std::vector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> integers;  // bools too
};

/// The largest float of a type.
double LargestOf(DataType type) {
  switch (type) {
    case DataType::kF16: return 65504;
    case DataType::kBf16: return 3.3895313892515355e38;
    case DataType::kF32: return std::numeric_limits<float>::max();
    default: return std::numeric_limits<double>::max();
  }
}

Status Flatten(const Json& value, const Type& type, size_t depth, Elements& out) {
  if (depth < type.shape.size()) {
    if (!value.is_array()) {
      return Bad("wants " + ToString(type) + ", found " + KindOf(value) +
                 (depth == 0 ? "" : " in place of a list"));
    }
    const auto size = static_cast<int64_t>(value.size());
    if (out.shape.size() <= depth) {
      out.shape.push_back(size);
    } else if (out.shape[depth] != size) {
      return Bad("is ragged: lists of " + std::to_string(out.shape[depth]) + " and of " +
                 std::to_string(size) + " at one depth");
    }
    for (const Json& item : value) {
      if (Status status = Flatten(item, type, depth + 1, out); !status.ok()) return status;
    }
    return Done{};
  }
  if (IsTime(type.dtype)) {
    const std::optional<int64_t> time =
        value.is_string() ? TimeFromText(value.get<std::string>(), type.dtype) : std::nullopt;
    if (!time) {
      return Bad("wants " + std::string(TimeExample(type.dtype)) + ", found " + value.dump());
    }
    out.integers.push_back(*time);
  } else if (type.dtype == DataType::kBool && value.is_boolean()) {
    out.integers.push_back(value.get<bool>() ? 1 : 0);
  } else if (IsFloat(type.dtype) && value.is_number()) {
    const auto number = value.get<double>();
    if (std::abs(number) > LargestOf(type.dtype)) {
      return Bad(value.dump() + " does not fit " + std::string(NameOf(type.dtype)));
    }
    out.floats.push_back(number);
  } else if (IsInteger(type.dtype) && value.is_number_integer()) {
    const auto [low, high] = IntegerRange(type.dtype);
    const bool is_huge =
        value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    if (is_huge && type.dtype == DataType::kU64) {
      // The same bits; the tensor's type says how they are read.
      out.integers.push_back(static_cast<int64_t>(value.get<uint64_t>()));
      return Done{};
    }
    if (is_huge || value.get<int64_t>() < low || value.get<int64_t>() > high) {
      return Bad(value.dump() + " does not fit " + std::string(NameOf(type.dtype)));
    }
    out.integers.push_back(value.get<int64_t>());
  } else {
    const bool is_deep = depth > 0 && value.is_array();
    return Bad("wants " + ToString(type) + ", found " +
               (is_deep ? "a list in place of a number" : KindOf(value)));
  }
  return Done{};
}

/// Where a value stands, for messages, and what its paths are relative to.
struct Place {
  std::string text;  // "rows.jsonl:3: `image` "
  const std::filesystem::path& base_dir;
};

Result<std::string> ReadReferred(const Json& value, const char* key, const Place& place) {
  if (!value.at(key).is_string()) return Bad("\"" + std::string(key) + "\" wants a path in quotes");
  return ReadFile(place.base_dir / value.at(key).get<std::string>());
}

Result<std::string> TextOf(const Json& value, const Type& type, const Place& place) {
  if (type.dtype == DataType::kString) {
    if (value.is_string()) return value.get<std::string>();
    return Bad("wants a string, found " + KindOf(value));
  }
  if (value.is_object() && value.size() == 1 && value.contains("file")) {
    return ReadReferred(value, "file", place);
  }
  if (value.is_object() && value.size() == 1 && value.contains("base64")) {
    const Json& text = value.at("base64");
    std::optional<std::string> bytes =
        text.is_string() ? DecodeBase64(text.get<std::string>()) : std::nullopt;
    if (bytes) return *std::move(bytes);
    return Bad("holds no valid base64");
  }
  return Bad("wants bytes as {\"file\": \"…\"} or {\"base64\": \"…\"}, found " + KindOf(value));
}

Status GatherTexts(const Json& value, const Type& type, size_t depth, TextTensorBuilder& out) {
  const bool is_element = depth == type.shape.size();
  if (is_element ? !value.is_string() : !value.is_array()) {
    return Bad("wants " + ToString(type) + ", found " + KindOf(value));
  }
  if (is_element) {
    out.AddElement(value.get_ref<const std::string&>());
    return Done{};
  }
  if (!out.AddList(depth, static_cast<int64_t>(value.size()))) {
    return Bad("is ragged: lists of several sizes at one depth");
  }
  for (const Json& item : value) {
    if (Status status = GatherTexts(item, type, depth + 1, out); !status.ok()) return status;
  }
  return Done{};
}

/// Packed, as a row of a text column.
Result<std::string> TextTensorOf(const Json& value, const Type& type) {
  TextTensorBuilder builder;
  if (Status status = GatherTexts(value, type, 0, builder); !status.ok()) {
    return std::move(status).error();
  }
  std::vector<int64_t> declared;
  for (const Dim& dim : type.shape) declared.push_back(dim.size);
  std::string row = builder.Finish(declared);
  const std::string rows[] = {row};
  const Status fits = Column(TextColumn::Of(rows)).CheckType(type);
  if (!fits.ok()) return fits.error();
  return row;
}

Result<at::Tensor> TensorOf(const Json& value, const Type& type, const Place& place) {
  if (value.is_object() && value.size() == 1 && value.contains("npy")) {
    Result<std::string> bytes = ReadReferred(value, "npy", place);
    if (!bytes.ok()) return std::move(bytes).error();
    Result<at::Tensor> tensor = ParseNpy(*bytes);
    if (!tensor.ok())
      return Bad("\"" + value.at("npy").get<std::string>() + "\" " + tensor.error().message);
    return tensor;
  }
  Elements elements;
  if (Status status = Flatten(value, type, 0, elements); !status.ok()) {
    return std::move(status).error();
  }
  // An empty list stops the descent: the dimensions below it are as declared.
  for (size_t i = elements.shape.size(); i < type.shape.size(); ++i) {
    elements.shape.push_back(std::max<int64_t>(type.shape[i].size, 0));
  }
  const at::Tensor flat = IsFloat(type.dtype) ? at::tensor(elements.floats, at::kDouble)
                                              : at::tensor(elements.integers, at::kLong);
  return flat.view(elements.shape).to(ScalarTypeOf(type.dtype));
}

/// A constant of a plan as a row would write it.
Json AsJson(const Value& value, DataType type) {
  if (const bool* boolean = value.AsBool()) return *boolean;
  if (const std::string* text = value.AsString()) return *text;
  if (const int64_t* integer = value.AsInt()) {
    if (IsTime(type)) return TimeText(*integer, type);
    return type == DataType::kU64 ? Json(static_cast<uint64_t>(*integer)) : Json(*integer);
  }
  return value.AsNumber() ? Json(*value.AsNumber()) : Json();
}

/// Gathers one column of the table, row by row.
class ColumnReader {
 public:
  explicit ColumnReader(const Field& field) : field_(field) {}

  void SetDefault(const Value& value) { default_ = AsJson(value, field_.type.dtype); }
  /// Whether a row may come without the column.
  bool has_default() const { return default_.has_value(); }
  Status AddDefault(const Place& place) { return Add(*default_, place); }

  Status Add(const Json& value, const Place& place) {
    if (field_.type.optional) validity_.push_back(!value.is_null());
    if (field_.type.optional && value.is_null()) {
      texts_.emplace_back();
      tensors_.emplace_back();
      return Done{};
    }
    if (IsText(field_.type.dtype)) {
      const bool is_tensor = !field_.type.is_scalar();
      Result<std::string> text =
          is_tensor ? TextTensorOf(value, field_.type) : TextOf(value, field_.type, place);
      if (!text.ok()) return Bad(place.text + text.error().message);
      texts_.push_back(*std::move(text));
      return Done{};
    }
    Result<at::Tensor> tensor = TensorOf(value, field_.type, place);
    if (!tensor.ok()) return Bad(place.text + tensor.error().message);
    const Status fits = Column(std::vector<at::Tensor>{*tensor}).CheckType(field_.type);
    if (!fits.ok()) return Bad(place.text + fits.error().message);
    tensors_.push_back(*std::move(tensor));
    return Done{};
  }

  Column Finish() {
    if (IsText(field_.type.dtype)) return WithNulls(TextColumn::Of(texts_));
    if (tensors_.empty()) return Column::Empty(field_.type);
    return Column::FromRows(std::move(tensors_), field_.type);
  }

 private:
  Column WithNulls(const Column& texts) const {
    if (std::all_of(validity_.begin(), validity_.end(), [](bool is_there) { return is_there; })) {
      return texts;
    }
    const std::vector<int64_t> flags(validity_.begin(), validity_.end());
    return texts.WithValidity(at::tensor(flags, at::kLong).to(at::kBool));
  }

  const Field& field_;
  std::optional<Json> default_;
  std::vector<bool> validity_;  // of an optional column
  std::vector<std::string> texts_;
  std::vector<at::Tensor> tensors_;
};

/// What the parser says of a line, without what it had read.
std::string ReasonOf(const Json::exception& error) {
  const std::string_view text = error.what();
  for (const std::string_view reason : {"ill-formed UTF-8 byte", "control character"}) {
    if (text.find(reason) != std::string_view::npos) return ", " + std::string(reason);
  }
  return "";
}

/// One row is one object on one line: JSON over several lines is none here.
Result<Json> ParseLine(std::string_view line) {
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& error) {
    const std::string where =
        error.byte > line.size() ? ", it ends too early" : " at byte " + std::to_string(error.byte);
    return Bad("this line is no JSON" + where + ReasonOf(error) +
               " (a row is one object on one line)");
  } catch (const Json::exception&) {
    return Bad("a number of this line is larger than any f64");
  }
}

/// The beginning of a name that somebody has made up.
std::string Shortened(const std::string& name) {
  size_t size = 60;
  if (name.size() <= size) return name;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0U) == 0x80U) --size;
  return name.substr(0, size) + "…";
}

Status ReadRow(const Json& row, const std::string& where, const std::filesystem::path& base_dir,
               const Schema& schema, std::string_view reader, std::vector<ColumnReader>& readers) {
  if (!row.is_object()) return Bad(where + "a row is an object, found " + KindOf(row));
  for (const auto& [key, value] : row.items()) {
    if (schema.Find(key) == nullptr) {
      return Bad(where + std::string(reader) + " takes no column `" + Shortened(key) +
                 "`, it takes " + ToString(schema));
    }
  }
  for (size_t i = 0; i < schema.size(); ++i) {
    const Field& field = schema[i];
    const auto value = row.find(field.name);
    const Place place{where + "`" + field.name + "` ", base_dir};
    if (value == row.end() && readers[i].has_default()) {
      if (Status status = readers[i].AddDefault(place); !status.ok()) return status;
      continue;
    }
    if (value == row.end()) {
      return Bad(where + "no column `" + field.name + "`, " + std::string(reader) + " takes " +
                 ToString(schema));
    }
    if (Status status = readers[i].Add(*value, place); !status.ok()) return status;
  }
  return Done{};
}

}  // namespace

Result<Batch> RowsFromJson(const std::string& text, const std::string& name,
                           const std::filesystem::path& base_dir, const SchemaPtr& schema,
                           std::string_view reader,
                           const std::vector<std::pair<std::string, Value>>& defaults,
                           int64_t first_line) {
  std::vector<ColumnReader> readers;
  for (const Field& field : schema->fields()) readers.emplace_back(field);
  for (const auto& [column, value] : defaults) {
    const std::optional<size_t> index = schema->IndexOf(column);
    if (index) readers[*index].SetDefault(value);
  }
  int64_t line = first_line - 1;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = name + ":" + std::to_string(line) + ": ";
    Result<Json> json = ParseLine(row);
    if (!json.ok()) return Bad(where + json.error().message);
    if (Status status = ReadRow(*json, where, base_dir, *schema, reader, readers); !status.ok()) {
      return std::move(status).error();
    }
  }
  std::vector<Column> columns;
  columns.reserve(readers.size());
  for (ColumnReader& reader : readers) columns.push_back(reader.Finish());
  return Batch::Make(schema, std::move(columns));
}

}  // namespace raceway::engine
