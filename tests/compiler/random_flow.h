#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Random flows without models, and what they mean: a second, slow implementation of the language,
/// row by row, to hold the compiler and the engine against.
namespace raceway::compiler::testing {

enum class Kind { kBool, kInt, kFloat, kText, kMaybe };  // bool, i64, f32, string, i64?

using Value = std::variant<bool, int64_t, float, std::string, std::monostate /* null */>;
using Values = std::map<std::string, Value>;  // by column

struct Row {
  int64_t id = 0;  // the row of the request it stems from
  Values columns;
  std::vector<Values> passing;  // `...` of each flow it is in, outermost first
};
using Table = std::vector<Row>;

struct RandomFlow {
  std::string text;  // of the whole file; the flow is called `f`
  Table input;
  Table expected;
  bool meets_nan = false;  // in a comparison: then it fails, unless nobody reads what it says
};

/// The store `shop(k: i64) -> (w: i64, u: i64?)` that flows look into.
extern const std::map<int64_t, std::pair<int64_t, std::optional<int64_t>>> kShop;

/// The input has the columns of `kInputColumns`. Equal seeds give equal flows.
RandomFlow MakeRandomFlow(uint32_t seed);

constexpr std::pair<const char*, Kind> kInputColumns[] = {
    {"id", Kind::kInt}, {"a", Kind::kInt}, {"x", Kind::kFloat}, {"s", Kind::kText}};

/// One line a row, columns by name, floats to the last bit.
std::string ToString(const Table& table);

}  // namespace raceway::compiler::testing
