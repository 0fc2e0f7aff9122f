#include "tools/raceway/runtime/print_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/data/text_tensor.h"
#include "engine/data/time_text.h"
#include "engine/rows/base64.h"

namespace raceway::tools {
namespace {

using engine::Batch;
using engine::Column;
using engine::DataType;
using engine::Field;

std::string JsonString(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What is no number, of which JSON has none.
std::string OddFloatText(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  return value > 0 ? "inf" : "-inf";
}

enum class Reader { kProgram, kPerson };

/// The shortest text that reads back as the same number of its type.
std::string FloatText(const at::Tensor& scalar, Reader reader) {
  std::array<char, 32> buffer;
  const double value = scalar.item<double>();
  if (!std::isfinite(value)) return reader == Reader::kProgram ? "null" : OddFloatText(value);
  char* const begin = buffer.data();
  char* const end = begin + buffer.size();
  const auto result = scalar.scalar_type() == at::kDouble
                          ? std::to_chars(begin, end, value)
                          : std::to_chars(begin, end, static_cast<float>(value));
  return std::string(begin, result.ptr);
}

std::string TensorText(const at::Tensor& tensor, DataType type, Reader reader) {
  if (tensor.dim() == 0) {
    if (engine::IsTime(type)) return JsonString(engine::TimeText(tensor.item<int64_t>(), type));
    if (tensor.scalar_type() == at::kBool) return tensor.item<bool>() ? "true" : "false";
    if (tensor.is_floating_point()) return FloatText(tensor, reader);
    if (tensor.scalar_type() == at::kUInt64) return std::to_string(tensor.item().toUInt64());
    return std::to_string(tensor.item<int64_t>());
  }
  std::string text = "[";
  for (int64_t i = 0; i < tensor.size(0); ++i) {
    if (i > 0) text += ',';
    text += TensorText(tensor.select(0, i), type, reader);
  }
  return text + ']';
}

/// Of the elements from `next` on, which it moves behind them.
std::string TextsAsJson(const engine::TextTensor& texts, size_t depth, size_t& next) {
  if (depth == texts.shape.size()) return JsonString(texts.elements[next++]);
  std::string text = "[";
  for (int64_t i = 0; i < texts.shape[depth]; ++i) {
    text += (i > 0 ? "," : "") + TextsAsJson(texts, depth + 1, next);
  }
  return text + ']';
}

std::string TextsAsJson(std::string_view row) {
  size_t next = 0;
  return TextsAsJson(engine::UnpackOrEmpty(row), 0, next);
}

std::string ValueAsJson(const Field& field, const Column& column, int64_t row) {
  if (column.is_null(row)) return "null";
  if (!column.is_text()) {
    return TensorText(column.Row(row), field.type.dtype, Reader::kProgram);
  }
  const std::string_view text = column.text()[row];
  if (!field.type.is_scalar()) return TextsAsJson(text);
  if (field.type.dtype == DataType::kString) return JsonString(text);
  return "{\"base64\":\"" + engine::EncodeBase64(text) + "\"}";
}

// --- for people ---

constexpr size_t kMaxWidth = 48;

size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Shortened(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (WidthOf(text) <= kMaxWidth) return text;
  size_t end = 0;
  for (size_t width = 0; end < text.size(); ++end) {
    if ((text[end] & 0xc0) != 0x80 && ++width == kMaxWidth) break;
  }
  return text.substr(0, end) + "…";
}

std::string Cell(const Field& field, const Column& column, int64_t row) {
  if (column.is_null(row)) return "null";
  if (column.is_text()) {
    const std::string_view text = column.text()[row];
    if (!field.type.is_scalar()) return Shortened(TextsAsJson(text));
    if (field.type.dtype == DataType::kString) return Shortened(std::string(text));
    return "<" + std::to_string(text.size()) + " bytes>";
  }
  const at::Tensor value = column.Row(row);
  if (value.dim() == 0 && value.is_floating_point()) {
    const auto number = value.item<double>();
    if (!std::isfinite(number)) return OddFloatText(number);
    std::array<char, 32> buffer;
    std::snprintf(buffer.data(), buffer.size(), "%.4g", number);
    return buffer.data();
  }
  if (value.dim() == 0 && engine::IsTime(field.type.dtype)) {
    return engine::TimeText(value.item<int64_t>(), field.type.dtype);
  }
  if (value.numel() <= 8) {
    return Shortened(TensorText(value, field.type.dtype, Reader::kPerson));
  }
  std::string shape(NameOf(field.type.dtype));
  for (int64_t i = 0; i < value.dim(); ++i) {
    shape += (i == 0 ? "[" : ", ") + std::to_string(value.size(i));
  }
  return "<" + shape + "]>";
}

bool IsRightAligned(const Field& field) {
  return engine::IsNumber(field.type.dtype) && field.type.is_scalar();
}

std::string Padded(const std::string& text, size_t width, bool right) {
  const std::string space(width - std::min(width, WidthOf(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string RowsAsJson(const Batch& rows, const std::string& name) {
  std::string text;
  const std::string before = name.empty() ? "" : "{" + JsonString(name) + ":";
  const engine::Schema& schema = *rows.schema();
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    text += before + '{';
    for (size_t i = 0; i < schema.size(); ++i) {
      if (i > 0) text += ',';
      text += JsonString(schema[i].name) + ':' + ValueAsJson(schema[i], rows.column(i), row);
    }
    text += name.empty() ? "}\n" : "}}\n";
  }
  return text;
}

std::string RowsAsTable(const std::vector<Batch>& batches, bool color) {
  if (batches.empty()) return "";
  const engine::Schema& schema = *batches.front().schema();
  std::vector<std::vector<std::string>> lines(1);
  for (const Field& field : schema.fields()) lines.front().push_back(field.name);
  for (const Batch& rows : batches) {
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      std::vector<std::string>& line = lines.emplace_back();
      for (size_t i = 0; i < schema.size(); ++i) {
        line.push_back(Cell(schema[i], rows.column(i), row));
      }
    }
  }
  std::vector<size_t> widths(schema.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], WidthOf(line[i]));
  }
  std::string text;
  for (size_t number = 0; number < lines.size(); ++number) {
    std::string out;
    for (size_t i = 0; i < schema.size(); ++i) {
      if (i > 0) out += "  ";
      out += Padded(lines[number][i], widths[i], IsRightAligned(schema[i]));
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += number == 0 && color ? "\033[1m" + out + "\033[0m\n" : out + "\n";
  }
  return text;
}

}  // namespace raceway::tools
