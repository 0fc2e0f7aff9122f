#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/compiler/random_flow.h"

/// What random flows are made of, each with its text and what it means.
namespace raceway::compiler::testing {

using Columns = std::map<std::string, Kind>;

/// Text and meaning of one expression.
struct Expr {
  std::string text;
  std::function<Value(const Row&)> value;
};

/// Text and meaning of one or more steps (` |> filter(…)`), and the columns that leave them.
struct Pipe {
  std::string text;
  std::function<Table(Table)> run;
  Columns columns;
};

/// A flow that others apply.
struct SubFlow {
  std::string name;
  std::string text;
  Columns params;
  Columns results;
  bool is_open = false;
  std::function<Table(Table)> run;  // on rows that have the params only
};

int64_t Wrapped(uint64_t value);
int64_t Mod(int64_t a, int64_t b);
std::string Cased(std::string text, char from, int by);
int64_t CodePoints(const std::string& text);
std::string TypeOf(Kind kind);
std::string RecordOf(const Columns& columns, std::optional<size_t> open_at);
/// The table whose next row stems from the first row of the request goes on; of equal ones the
/// first.
Table Union(std::vector<Table> tables);
/// Whether a comes before b; NaN comes last.
bool IsBefore(const Value& a, const Value& b, bool descending);
/// The rows of each group of equal keys, groups and rows as they come.
std::vector<std::pair<std::vector<Value>, Table>> Grouped(
    Table table, const std::vector<std::function<Value(const Row&)>>& keys);

template <typename T>
bool Compare(const std::string& sign, const T& a, const T& b) {
  if (sign == "<") return a < b;
  if (sign == "<=") return a <= b;
  if (sign == ">") return a > b;
  if (sign == ">=") return a >= b;
  return (a == b) == (sign == "==");
}

/// A row of some columns, from where `like` is from.
inline Row RowLike(const Row& like, Values columns) {
  return {like.id, std::move(columns), like.passing};
}

}  // namespace raceway::compiler::testing
