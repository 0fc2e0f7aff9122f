#include "engine/value.h"

#include <array>
#include <charconv>
#include <cmath>

namespace raceway::engine {
namespace {

std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  std::string text(buffer.data(), end);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string Quoted(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u{";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      out += '}';
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::optional<double> Value::AsNumber() const {
  if (const int64_t* integer = AsInt()) return static_cast<double>(*integer);
  if (const double* number = std::get_if<double>(&state_)) return *number;
  return std::nullopt;
}

const Value* Value::Find(std::string_view key) const {
  const Record* record = AsRecord();
  if (record == nullptr) return nullptr;
  for (const auto& [name, value] : *record) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string ToString(const Value& value) {
  if (const bool* boolean = value.AsBool()) return *boolean ? "true" : "false";
  if (const int64_t* integer = value.AsInt()) return std::to_string(*integer);
  if (const std::string* text = value.AsString()) return Quoted(*text);
  if (const Value::List* list = value.AsList()) {
    std::string text = "[";
    for (const Value& item : *list) {
      if (text.size() > 1) text += ", ";
      text += ToString(item);
    }
    return text + "]";
  }
  if (const Value::Record* record = value.AsRecord()) {
    std::string text = "{";
    for (const auto& [key, item] : *record) {
      text += text.size() > 1 ? ", " : " ";
      text += key + ": " + ToString(item);
    }
    return text + (record->empty() ? "}" : " }");
  }
  if (const std::optional<double> number = value.AsNumber()) return FloatText(*number);
  return "null";
}

}  // namespace raceway::engine
