#include "tests/compiler/random_meaning.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace raceway::compiler::testing {

int64_t Wrapped(uint64_t value) { return static_cast<int64_t>(value); }

int64_t Mod(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

std::string Cased(std::string text, char from, int by) {
  for (char& c : text) {
    if (c >= from && c < from + 26) c = static_cast<char>(c + by);
  }
  return text;
}

int64_t CodePoints(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

std::string TypeOf(Kind kind) {
  constexpr const char* kNames[] = {"bool", "i64", "f32", "string", "i64?"};
  return kNames[static_cast<size_t>(kind)];
}

std::string RecordOf(const Columns& columns, std::optional<size_t> open_at) {
  std::string text = "{ ";
  size_t i = 0;
  for (const auto& [name, kind] : columns) {
    if (open_at == i++) text += "..., ";
    text += name + ": " + TypeOf(kind) + ", ";
  }
  if (open_at && *open_at >= i) text += "..., ";
  return text + "}";
}

Table Union(std::vector<Table> tables) {
  Table all;
  std::vector<size_t> next(tables.size(), 0);
  while (true) {
    std::optional<size_t> first;
    for (size_t i = 0; i < tables.size(); ++i) {
      if (next[i] == tables[i].size()) continue;
      if (!first || tables[i][next[i]].id < tables[*first][next[*first]].id) first = i;
    }
    if (!first) return all;
    all.push_back(std::move(tables[*first][next[*first]++]));
  }
}

bool IsBefore(const Value& a, const Value& b, bool descending) {
  if (const float* x = std::get_if<float>(&a)) {
    const float y = std::get<float>(b);
    if (std::isnan(*x) || std::isnan(y)) return !std::isnan(*x);
  }
  return descending ? b < a : a < b;
}

std::vector<std::pair<std::vector<Value>, Table>> Grouped(
    Table table, const std::vector<std::function<Value(const Row&)>>& keys) {
  std::vector<std::pair<std::vector<Value>, Table>> groups;
  for (Row& row : table) {
    std::vector<Value> values;
    for (const auto& key : keys) values.push_back(key(row));
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& other) { return other.first == values; });
    if (group == groups.end()) group = groups.insert(groups.end(), {values, {}});
    group->second.push_back(std::move(row));
  }
  return groups;
}

}  // namespace raceway::compiler::testing
