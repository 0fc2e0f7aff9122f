#include "engine/data/schema.h"

namespace raceway::engine {

std::optional<size_t> Schema::IndexOf(std::string_view name) const {
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].name == name) return i;
  }
  return std::nullopt;
}

const Field* Schema::Find(std::string_view name) const {
  const std::optional<size_t> index = IndexOf(name);
  return index ? &fields_[*index] : nullptr;
}

std::string ToString(const Schema& schema) {
  std::string text = "(";
  for (size_t i = 0; i < schema.size(); ++i) {
    if (i > 0) text += ", ";
    text += schema[i].name + ": " + ToString(schema[i].type);
  }
  return text + ")";
}

}  // namespace raceway::engine
