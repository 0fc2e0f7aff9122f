#include "tests/compiler/random_flow.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <utility>

namespace raceway::compiler::testing {
namespace {

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

template <typename T>
bool Compare(const std::string& sign, const T& a, const T& b) {
  if (sign == "<") return a < b;
  if (sign == "<=") return a <= b;
  if (sign == ">") return a > b;
  if (sign == ">=") return a >= b;
  return (a == b) == (sign == "==");
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

/// The table whose next row stems from the first row of the request goes on; of equal ones the
/// first.
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

/// Whether a comes before b; NaN comes last.
bool IsBefore(const Value& a, const Value& b, bool descending) {
  if (const float* x = std::get_if<float>(&a)) {
    const float y = std::get<float>(b);
    if (std::isnan(*x) || std::isnan(y)) return !std::isnan(*x);
  }
  return descending ? b < a : a < b;
}

/// The rows of each group of equal keys, groups and rows as they come.
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

constexpr char kStoreText[] =
    "store shop(k: i64) -> (w: i64, u: i64?) { rows: \"shop.jsonl\" }\n\n";

/// A row of some columns, from where `like` is from.
Row RowLike(const Row& like, Values columns) { return {like.id, std::move(columns), like.passing}; }

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  RandomFlow Run() {
    const size_t num_flows = Below(4);
    for (size_t i = 0; i < num_flows; ++i) sub_flows_.push_back(MakeSubFlow(i));
    RandomFlow flow;
    flow.input = MakeInput();
    std::string body = MakeBody(flow);
    flow.text = "edition 1\n\nparam limit: i64 = 3\nparam scale: f32 = 0.5\n\n";
    if (num_lookups_ > 0) flow.text += kStoreText;
    for (const SubFlow& sub_flow : sub_flows_) flow.text += sub_flow.text + "\n";
    flow.text += body;
    return flow;
  }

 private:
  /// A table that a `let` of the main flow names, with its rows.
  struct Named {
    std::string name;
    Columns columns;
    Table rows;
  };

  // --- chance ---

  size_t Below(size_t n) { return random_() % n; }
  bool Chance(size_t percent) { return Below(100) < percent; }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  Kind AnyKind() { return static_cast<Kind>(Below(5)); }
  /// Few names, so that flows use the same ones for different things.
  std::string AnyName() {
    static const std::vector<std::string> kNames = {"a", "x", "s", "k", "m", "tmp", "`s.x`", "n"};
    return Pick(kNames);
  }
  std::vector<std::string> NamesOf(const Columns& columns) {
    std::vector<std::string> names;
    for (const auto& [name, kind] : columns) names.push_back(name);
    std::shuffle(names.begin(), names.end(), random_);
    return names;
  }

  // --- expressions ---

  Expr Literal(Kind kind) {
    static const std::vector<std::string> kTexts = {"", "a", "B", "zebra", "Äpfel", "a b"};
    static const std::vector<std::pair<std::string, float>> kFloats = {
        {"0.0", 0.0F}, {"0.5", 0.5F}, {"0.1", 0.1F}, {"-2.25", -2.25F}, {"1e3", 1e3F}};
    switch (kind) {
      case Kind::kBool: {
        const bool value = Chance(50);
        return {value ? "true" : "false", [=](const Row&) { return Value(value); }};
      }
      case Kind::kInt: {
        if (Chance(10)) return {"limit", [](const Row&) { return Value(int64_t{3}); }};
        const int64_t value = static_cast<int64_t>(Below(12)) - 3;
        return {std::to_string(value), [=](const Row&) { return Value(value); }};
      }
      case Kind::kFloat: {
        if (Chance(10)) return {"scale", [](const Row&) { return Value(0.5F); }};
        const auto& [text, value] = Pick(kFloats);
        return {text, [value = value](const Row&) { return Value(value); }};
      }
      case Kind::kText: {
        const std::string value = Pick(kTexts);
        return {"\"" + value + "\"", [=](const Row&) { return Value(value); }};
      }
      case Kind::kMaybe: {
        const Expr value = Literal(Kind::kInt);
        if (Chance(50)) return {"(if true then " + value.text + " else null)", value.value};
        return {"(if true then null else " + value.text + ")",
                [](const Row&) { return Value(std::monostate()); }};
      }
    }
    return {};
  }

  Expr Leaf(Kind kind, const Columns& columns) {
    std::vector<std::string> fitting;
    for (const auto& [name, other] : columns) {
      if (other == kind) fitting.push_back(name);
    }
    if (fitting.empty() || Chance(20)) return Literal(kind);
    const std::string name = Pick(fitting);
    // A plain name would make one column of two: a question about one would be known of the other.
    const bool is_maybe = kind == Kind::kMaybe;
    return {is_maybe ? "(if true then " + name + " else null)" : name,
            [=](const Row& row) { return row.columns.at(name); }};
  }

  Expr Make(Kind kind, const Columns& columns, int depth = 3) {
    if (depth == 0 || Chance(25)) return Leaf(kind, columns);
    if (Chance(12)) return Choice(kind, columns, depth);
    switch (kind) {
      case Kind::kBool: return Condition(columns, depth);
      case Kind::kInt: return Integer(columns, depth);
      case Kind::kFloat: return Number(columns, depth);
      case Kind::kText: return Text(columns, depth);
      case Kind::kMaybe: return Maybe(columns, depth);
    }
    return {};
  }

  static bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

  std::optional<std::string> AnyMaybe(const Columns& columns) {
    for (const std::string& name : NamesOf(columns)) {
      if (columns.at(name) == Kind::kMaybe) return name;
    }
    return std::nullopt;
  }

  Expr Maybe(const Columns& columns, int depth) {
    const Expr value = Make(Kind::kInt, columns, depth - 1);
    switch (Below(3)) {
      case 0: {
        const Expr condition = Make(Kind::kBool, columns, depth - 1);
        return {"(if " + condition.text + " then null else " + value.text + ")",
                [=](const Row& row) {
                  return std::get<bool>(condition.value(row)) ? Value(std::monostate())
                                                              : value.value(row);
                }};
      }
      case 1: {
        const Expr a = Make(Kind::kMaybe, columns, depth - 1);
        const Expr b = Make(Kind::kMaybe, columns, depth - 1);
        return {"(" + a.text + " ?? " + b.text + ")", [=](const Row& row) {
                  const Value first = a.value(row);
                  return IsNull(first) ? b.value(row) : first;
                }};
      }
      default: return Leaf(Kind::kMaybe, columns);
    }
  }

  /// What is asked is compared with true, so that the checker learns nothing from it: what it would
  /// know to be there could not be asked again.
  Expr Question(const Columns& columns, int depth) {
    const std::optional<std::string> column = AnyMaybe(columns);
    if (column && Chance(50)) {
      const std::string name = *column;
      Columns others = columns;
      others.erase(name);
      const Expr other = Make(Kind::kInt, others, depth - 1);
      return {"((" + name + " is not null and " + name + " > " + other.text + ") == true)",
              [=](const Row& row) {
                const Value& value = row.columns.at(name);
                return Value(!IsNull(value) &&
                             std::get<int64_t>(value) > std::get<int64_t>(other.value(row)));
              }};
    }
    const Expr value = Make(Kind::kMaybe, columns, depth - 1);
    const bool wanted = Chance(50);
    return {"((" + value.text + (wanted ? " is null" : " is not null") + ") == true)",
            [=](const Row& row) { return Value(IsNull(value.value(row)) == wanted); }};
  }

  Expr WithDefault(const Columns& columns, int depth) {
    const std::optional<std::string> column = AnyMaybe(columns);
    const Expr other = Make(Kind::kInt, columns, depth - 1);
    if (column && Chance(50)) {
      const std::string name = *column;
      return {"(if " + name + " is null then " + other.text + " else " + name + " + 1)",
              [=](const Row& row) {
                const Value& value = row.columns.at(name);
                if (IsNull(value)) return other.value(row);
                return Value(Wrapped(static_cast<uint64_t>(std::get<int64_t>(value)) + 1));
              }};
    }
    const Expr value = Make(Kind::kMaybe, columns, depth - 1);
    return {"(" + value.text + " ?? " + other.text + ")", [=](const Row& row) {
              const Value first = value.value(row);
              return IsNull(first) ? other.value(row) : first;
            }};
  }

  Expr Choice(Kind kind, const Columns& columns, int depth) {
    const Expr c = Make(Kind::kBool, columns, depth - 1);
    const Expr a = Make(kind, columns, depth - 1);
    const Expr b = Make(kind, columns, depth - 1);
    return {"(if " + c.text + " then " + a.text + " else " + b.text + ")", [=](const Row& row) {
              return std::get<bool>(c.value(row)) ? a.value(row) : b.value(row);
            }};
  }

  Expr Condition(const Columns& columns, int depth) {
    switch (Below(5)) {
      case 4: return Question(columns, depth);
      case 0: {
        const Expr a = Make(Kind::kBool, columns, depth - 1);
        return {"(not " + a.text + ")",
                [=](const Row& row) { return Value(!std::get<bool>(a.value(row))); }};
      }
      case 1: {
        const bool is_and = Chance(50);
        const Expr a = Make(Kind::kBool, columns, depth - 1);
        const Expr b = Make(Kind::kBool, columns, depth - 1);
        return {"(" + a.text + (is_and ? " and " : " or ") + b.text + ")", [=](const Row& row) {
                  const bool left = std::get<bool>(a.value(row));
                  const bool right = std::get<bool>(b.value(row));
                  return Value(is_and ? left && right : left || right);
                }};
      }
      case 2: return InRange(columns, depth);
      default: return Comparison(columns, depth);
    }
  }

  Expr Comparison(const Columns& columns, int depth) {
    static const std::vector<std::string> kSigns = {"<", "<=", ">", ">=", "==", "!="};
    const std::string sign = Pick(kSigns);
    const Kind kind = static_cast<Kind>(1 + Below(3));
    const Expr a = Make(kind, columns, depth - 1);
    const Expr b = Make(kind, columns, depth - 1);
    return {"(" + a.text + " " + sign + " " + b.text + ")", [=](const Row& row) {
              const Value left = a.value(row);
              const Value right = b.value(row);
              return Value(std::visit(
                  [&](const auto& value) {
                    using T = std::decay_t<decltype(value)>;
                    return Compare<T>(sign, value, std::get<T>(right));
                  },
                  left));
            }};
  }

  Expr InRange(const Columns& columns, int depth) {
    const Expr x = Make(Kind::kInt, columns, depth - 1);
    const bool is_list = Chance(50);
    const bool is_not = Chance(30);
    const int64_t low = static_cast<int64_t>(Below(6)) - 3;
    const int64_t high = low + static_cast<int64_t>(Below(6));
    const std::string a = std::to_string(low);
    const std::string b = std::to_string(high);
    return {"(" + x.text + (is_not ? " not in " : " in ") +
                (is_list ? "[" + a + ", " + b + "])" : a + ".." + b + ")"),
            [=](const Row& row) {
              const int64_t value = std::get<int64_t>(x.value(row));
              const bool is_in =
                  is_list ? value == low || value == high : low <= value && value <= high;
              return Value(is_in != is_not);
            }};
  }

  Expr Integer(const Columns& columns, int depth) {
    const size_t form = Below(7);
    if (form == 6) return WithDefault(columns, depth);
    if (form == 0) {
      const Expr s = Make(Kind::kText, columns, depth - 1);
      return {"len(" + s.text + ")", [=](const Row& row) {
                return Value(CodePoints(std::get<std::string>(s.value(row))));
              }};
    }
    const Expr a = Make(Kind::kInt, columns, depth - 1);
    if (form == 1) {
      const int64_t by = 2 + static_cast<int64_t>(Below(4));
      return {"mod(" + a.text + ", " + std::to_string(by) + ")",
              [=](const Row& row) { return Value(Mod(std::get<int64_t>(a.value(row)), by)); }};
    }
    if (form == 2) {
      return {"(-(" + a.text + "))", [=](const Row& row) {
                return Value(Wrapped(0 - static_cast<uint64_t>(std::get<int64_t>(a.value(row)))));
              }};
    }
    const Expr b = Make(Kind::kInt, columns, depth - 1);
    const char sign = "+-*"[form - 3];
    return {"(" + a.text + " " + sign + " " + b.text + ")", [=](const Row& row) {
              const auto left = static_cast<uint64_t>(std::get<int64_t>(a.value(row)));
              const auto right = static_cast<uint64_t>(std::get<int64_t>(b.value(row)));
              return Value(Wrapped(sign == '+'   ? left + right
                                   : sign == '-' ? left - right
                                                 : left * right));
            }};
  }

  Expr Number(const Columns& columns, int depth) {
    const size_t form = Below(4);
    if (form == 0) {
      const Expr i = Make(Kind::kInt, columns, depth - 1);
      return {"f32(" + i.text + ")", [=](const Row& row) {
                return Value(static_cast<float>(std::get<int64_t>(i.value(row))));
              }};
    }
    const Expr a = Make(Kind::kFloat, columns, depth - 1);
    const Expr b = Make(Kind::kFloat, columns, depth - 1);
    const char sign = "+-*"[form - 1];
    return {"(" + a.text + " " + sign + " " + b.text + ")", [=](const Row& row) {
              const float left = std::get<float>(a.value(row));
              const float right = std::get<float>(b.value(row));
              return Value(sign == '+' ? left + right : sign == '-' ? left - right : left * right);
            }};
  }

  Expr Text(const Columns& columns, int depth) {
    const Expr a = Make(Kind::kText, columns, depth - 1);
    switch (Below(4)) {
      case 0:
        return {"lower(" + a.text + ")", [=](const Row& row) {
                  return Value(Cased(std::get<std::string>(a.value(row)), 'A', 32));
                }};
      case 1:
        return {"upper(" + a.text + ")", [=](const Row& row) {
                  return Value(Cased(std::get<std::string>(a.value(row)), 'a', -32));
                }};
      case 2: {
        const Expr i = Make(Kind::kInt, columns, depth - 1);
        return {"string(" + i.text + ")", [=](const Row& row) {
                  return Value(std::to_string(std::get<int64_t>(i.value(row))));
                }};
      }
      default: {
        const Expr b = Make(Kind::kText, columns, depth - 1);
        return {"concat(" + a.text + ", " + b.text + ")", [=](const Row& row) {
                  return Value(std::get<std::string>(a.value(row)) +
                               std::get<std::string>(b.value(row)));
                }};
      }
    }
  }

  // --- steps ---

  static Pipe Then(const Pipe& first, const Pipe& second) {
    return {first.text + second.text,
            [=](Table table) { return second.run(first.run(std::move(table))); }, second.columns};
  }

  Pipe Derive(const Columns& columns, const std::vector<std::pair<std::string, Kind>>& wanted) {
    Pipe pipe{" |> derive(", {}, columns};
    std::vector<std::pair<std::string, Expr>> defined;
    for (const auto& [name, kind] : wanted) {
      // Later ones see earlier ones.
      const Expr expr = Make(kind, pipe.columns);
      pipe.text += (defined.empty() ? "" : ", ") + name + " = " + expr.text;
      pipe.columns[name] = kind;
      defined.emplace_back(name, expr);
    }
    pipe.text += ")";
    pipe.run = [=](Table table) {
      for (Row& row : table) {
        for (const auto& [name, expr] : defined) row.columns[name] = expr.value(row);
      }
      return table;
    };
    return pipe;
  }

  Pipe AnyDerive(const Columns& columns) {
    std::vector<std::pair<std::string, Kind>> wanted;
    for (size_t n = 1 + Below(3); n > 0; --n) wanted.emplace_back(AnyName(), AnyKind());
    return Derive(columns, wanted);
  }

  /// Columns of the input by name, or made anew of it.
  Pipe Select(const Columns& columns, const Columns& wanted, size_t percent_computed) {
    Pipe pipe{" |> select(", {}, wanted};
    std::vector<std::pair<std::string, Expr>> defined;
    for (const auto& [name, kind] : wanted) {
      const auto same = columns.find(name);
      const bool is_plain =
          same != columns.end() && same->second == kind && !Chance(percent_computed);
      const std::string column = name;
      const Expr expr = is_plain
                            ? Expr{name, [=](const Row& row) { return row.columns.at(column); }}
                            : Make(kind, columns);
      pipe.text += (defined.empty() ? "" : ", ") + (is_plain ? name : name + " = " + expr.text);
      defined.emplace_back(name, expr);
    }
    pipe.text += ")";
    pipe.run = [=](Table table) {
      for (Row& row : table) {
        Values values;
        for (const auto& [name, expr] : defined) values[name] = expr.value(row);
        row.columns = std::move(values);
      }
      return table;
    };
    return pipe;
  }

  Pipe AnySelect(const Columns& columns) {
    Columns wanted;
    for (const std::string& name : NamesOf(columns)) {
      if (Chance(60)) wanted[name] = columns.at(name);
    }
    if (wanted.empty() || Chance(30)) wanted[AnyName()] = AnyKind();
    return Select(columns, wanted, 15);
  }

  Pipe Omit(const Columns& columns, const std::vector<std::string>& names) {
    Pipe pipe{"", [](Table table) { return table; }, columns};
    for (const std::string& name : names) {
      pipe.text += (pipe.text.empty() ? " |> omit(" : ", ") + name;
      pipe.columns.erase(name);
    }
    if (!names.empty()) pipe.text += ")";
    pipe.run = [=](Table table) {
      for (Row& row : table) {
        for (const std::string& name : names) row.columns.erase(name);
      }
      return table;
    };
    return pipe;
  }

  Pipe AnyOmit(const Columns& columns) {
    std::vector<std::string> names = NamesOf(columns);
    names.resize(names.size() / 2);
    return Omit(columns, names);
  }

  static Pipe Keep(const Columns& columns, const Expr& condition, bool wanted) {
    return {" |> filter(" + condition.text + ")",
            [=](Table table) {
              std::erase_if(table, [&](const Row& row) {
                return std::get<bool>(condition.value(row)) != wanted;
              });
              return table;
            },
            columns};
  }

  /// The rows where the column has a value, or those where it has none: the first kind never asks
  /// again.
  static Pipe KeepKnown(const Columns& columns, const std::string& name, bool is_known) {
    Pipe pipe{" |> filter(" + name + (is_known ? " is not null)" : " is null)"),
              [=](Table table) {
                std::erase_if(table, [&](const Row& row) {
                  return IsNull(row.columns.at(name)) == is_known;
                });
                return table;
              },
              columns};
    if (is_known) pipe.columns[name] = Kind::kInt;
    return pipe;
  }

  Pipe AnyFilter(const Columns& columns) {
    const std::optional<std::string> maybe = AnyMaybe(columns);
    if (maybe && Chance(40)) return KeepKnown(columns, *maybe, Chance(70));
    return Keep(columns, Make(Kind::kBool, columns), true);
  }

  /// A column that the filter after it does not ask for.
  Pipe DeriveAndFilter(const Columns& columns) {
    const std::string name = AnyName();
    const Pipe derive = Derive(columns, {{name, AnyKind()}});
    Columns others = columns;
    others.erase(name);
    const Pipe filter = Keep(derive.columns, Make(Kind::kBool, others), true);
    return Then(derive, filter);
  }

  Pipe Sort(const Columns& columns) {
    Pipe pipe{" |> sort(", {}, columns};
    std::vector<std::pair<Expr, bool>> keys;
    for (size_t n = 1 + Below(2); n > 0; --n) {
      const Expr key = Make(static_cast<Kind>(Below(4)), columns, 1);
      const bool descending = Chance(40);
      pipe.text +=
          std::string(keys.empty() ? "" : ", ") + (descending ? "descending: " : "") + key.text;
      keys.emplace_back(key, descending);
    }
    pipe.text += ")";
    pipe.run = [=](Table table) {
      std::stable_sort(table.begin(), table.end(), [&](const Row& a, const Row& b) {
        for (const auto& [key, descending] : keys) {
          const Value left = key.value(a);
          const Value right = key.value(b);
          const bool is_before = IsBefore(left, right, descending);
          if (is_before != IsBefore(right, left, descending)) return is_before;
        }
        return false;
      });
      return table;
    };
    return pipe;
  }

  Pipe Limit(const Columns& columns) {
    const size_t count = 1 + Below(12);
    return {" |> limit(" + std::to_string(count) + ")",
            [=](Table table) {
              table.resize(std::min(table.size(), count));
              return table;
            },
            columns};
  }

  /// Text and meaning of one aggregate.
  struct Aggregate {
    std::string text;
    Kind kind = Kind::kInt;
    std::function<Value(const Table&)> value;
  };

  /// Sums of floats depend on their order, so there are none.
  Aggregate AnyAggregate(const Columns& columns) {
    const size_t form = Below(5);
    if (form == 0) {
      return {"count()", Kind::kInt,
              [](const Table& rows) { return Value(static_cast<int64_t>(rows.size())); }};
    }
    const Kind kind = form == 1   ? Kind::kInt
                      : form == 2 ? Kind::kBool
                      : form == 3 ? (Chance(50) ? Kind::kInt : Kind::kText)
                                  : AnyKind();
    const Expr of = Leaf(kind, columns);
    if (form == 1) {
      return {"sum(" + of.text + ")", kind, [=](const Table& rows) {
                uint64_t sum = 0;
                for (const Row& row : rows) {
                  sum += static_cast<uint64_t>(std::get<int64_t>(of.value(row)));
                }
                return Value(Wrapped(sum));
              }};
    }
    if (form == 2) {
      return {"any(" + of.text + ")", kind, [=](const Table& rows) {
                return Value(std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
                  return std::get<bool>(of.value(row));
                }));
              }};
    }
    if (form == 3) {
      const bool is_max = Chance(50);
      return {(is_max ? "max(" : "min(") + of.text + ")", kind, [=](const Table& rows) {
                Value best = of.value(rows.front());
                for (const Row& row : rows) {
                  const Value value = of.value(row);
                  if (is_max ? best < value : value < best) best = value;
                }
                return best;
              }};
    }
    return {"first(" + of.text + ")", kind,
            [=](const Table& rows) { return of.value(rows.front()); }};
  }

  /// The keys of a `groupby`: columns, or computed.
  std::vector<std::pair<std::string, Expr>> AnyKeys(const Columns& columns, Columns& results) {
    std::vector<std::pair<std::string, Expr>> keys;
    for (size_t n = 1 + Below(2); n > 0; --n) {
      const std::string name = AnyName();
      const Kind kind = Pick(std::vector<Kind>{Kind::kBool, Kind::kInt, Kind::kText});
      if (results.contains(name)) continue;
      const auto same = columns.find(name);
      const bool is_plain = same != columns.end() && same->second == kind;
      keys.emplace_back(name, is_plain
                                  ? Expr{name, [=](const Row& row) { return row.columns.at(name); }}
                                  : Make(kind, columns, 2));
      results[name] = kind;
    }
    return keys;
  }

  /// The columns that mean the same behind the `groupby`.
  static Columns WithoutKeys(Columns columns,
                             const std::vector<std::pair<std::string, Expr>>& keys) {
    for (const auto& [name, expr] : keys) columns.erase(name);
    return columns;
  }

  static std::string KeysText(const std::vector<std::pair<std::string, Expr>>& keys) {
    std::string text;
    for (const auto& [name, expr] : keys) {
      text += (text.empty() ? "" : ", ") + (name == expr.text ? name : name + " = " + expr.text);
    }
    return " |> groupby(" + text + ")";
  }

  Pipe Group(const Columns& columns) {
    Pipe pipe;
    const auto keys = AnyKeys(columns, pipe.columns);
    std::vector<std::pair<std::string, Aggregate>> aggregates;
    for (size_t n = 1 + Below(3); n > 0; --n) {
      const std::string name = AnyName();
      if (pipe.columns.contains(name)) continue;
      const Aggregate aggregate = AnyAggregate(WithoutKeys(columns, keys));
      pipe.columns[name] = aggregate.kind;
      aggregates.emplace_back(name, aggregate);
    }
    if (aggregates.empty()) return AnyFilter(columns);
    pipe.text = KeysText(keys) + " |> agg(";
    for (const auto& [name, aggregate] : aggregates) {
      pipe.text += (pipe.text.ends_with("(") ? "" : ", ") + name + " = " + aggregate.text;
    }
    pipe.text += ")";
    pipe.run = [=](Table table) {
      Table result;
      for (const auto& [values, rows] : Grouped(std::move(table), ValuesOf(keys))) {
        Values row;
        for (size_t i = 0; i < keys.size(); ++i) row[keys[i].first] = values[i];
        for (const auto& [name, aggregate] : aggregates) row[name] = aggregate.value(rows);
        result.push_back(RowLike(rows.front(), std::move(row)));
      }
      return result;
    };
    return pipe;
  }

  static std::vector<std::function<Value(const Row&)>> ValuesOf(
      const std::vector<std::pair<std::string, Expr>>& named) {
    std::vector<std::function<Value(const Row&)>> values;
    for (const auto& [name, expr] : named) values.push_back(expr.value);
    return values;
  }

  /// The greatest of each group, a row each.
  Pipe TopAndExplode(const Columns& columns) {
    Pipe pipe;
    const auto keys = AnyKeys(columns, pipe.columns);
    const std::string name = "top";
    const size_t count = 1 + Below(3);
    const Expr of = Leaf(Kind::kInt, WithoutKeys(columns, keys));
    pipe.columns[name] = Kind::kInt;
    pipe.text = KeysText(keys) + " |> agg(top = topk(" + of.text + ", " + std::to_string(count) +
                ")) |> explode(top)";
    pipe.run = [=](Table table) {
      Table result;
      for (const auto& [values, rows] : Grouped(std::move(table), ValuesOf(keys))) {
        std::vector<Value> all;
        for (const Row& row : rows) all.push_back(of.value(row));
        std::sort(all.rbegin(), all.rend());
        all.resize(std::min(all.size(), count));
        Values row;
        for (size_t i = 0; i < keys.size(); ++i) row[keys[i].first] = values[i];
        for (const Value& value : all) {
          row[name] = value;
          result.push_back(RowLike(rows.front(), row));
        }
      }
      return result;
    };
    return pipe;
  }

  /// Every branch ends with the columns `wanted`, or drops its rows.
  Pipe Route(const Columns& columns) {
    Columns wanted = {{AnyName(), AnyKind()}};
    for (const std::string& name : NamesOf(columns)) {
      if (Chance(50)) wanted[name] = columns.at(name);
    }
    const Expr by = Make(Kind::kInt, columns, 2);
    struct Branch {
      std::vector<int64_t> values;  // none: `else`
      std::function<Table(Table)> run;
    };
    std::vector<Branch> branches;
    Pipe pipe{" |> route(" + by.text + ") {", {}, wanted};
    const size_t num_branches = 2 + Below(3);
    for (size_t i = 0; i < num_branches; ++i) {
      const bool is_else = i + 1 == num_branches;
      const auto value = static_cast<int64_t>(2 * i);
      const bool is_dropped = !is_else && Chance(15);
      const Pipe steps = Select(columns, wanted, 50);
      const std::vector<int64_t> values = is_else      ? std::vector<int64_t>{}
                                          : Chance(50) ? std::vector{value}
                                                       : std::vector{value, value + 1};
      std::string when = "else";
      if (values.size() == 1) when = std::to_string(value);
      if (values.size() == 2)
        when = "[" + std::to_string(value) + ", " + std::to_string(value + 1) + "]";
      pipe.text += " " + when + " => " + (is_dropped ? "drop" : steps.text.substr(4)) + ",";
      branches.push_back({values, steps.run});
      if (is_dropped) branches.back().run = [](const Table&) { return Table(); };
    }
    pipe.text += " }";
    pipe.run = [=](Table table) {
      std::vector<Table> taken(branches.size());
      for (Row& row : table) {
        const auto value = std::get<int64_t>(by.value(row));
        const auto takes = [&](const Branch& branch) {
          return branch.values.empty() || std::find(branch.values.begin(), branch.values.end(),
                                                    value) != branch.values.end();
        };
        const auto branch = std::find_if(branches.begin(), branches.end(), takes);
        taken[static_cast<size_t>(branch - branches.begin())].push_back(std::move(row));
      }
      for (size_t i = 0; i < branches.size(); ++i) taken[i] = branches[i].run(std::move(taken[i]));
      return Union(std::move(taken));
    };
    return pipe;
  }

  /// Brings the row into the form that the flow takes, then applies it.
  Pipe Apply(const Columns& columns, const SubFlow& flow) {
    std::vector<std::pair<std::string, Kind>> lacking;
    for (const auto& [name, kind] : flow.params) {
      const auto same = columns.find(name);
      const bool fits =
          same != columns.end() &&
          (same->second == kind || (kind == Kind::kMaybe && same->second == Kind::kInt));
      if (!fits) lacking.emplace_back(name, kind);
    }
    Pipe before = lacking.empty() ? Omit(columns, {}) : Derive(columns, lacking);
    if (!flow.is_open) before = Then(before, Select(before.columns, flow.params, 0));
    std::vector<std::string> clashing;
    for (const auto& [name, kind] : flow.results) {
      if (before.columns.contains(name) && !flow.params.contains(name)) clashing.push_back(name);
    }
    before = Then(before, Omit(before.columns, clashing));
    Pipe apply{" |> " + flow.name, {}, flow.results};
    if (flow.is_open) {
      for (const auto& [name, kind] : before.columns) {
        if (!flow.params.contains(name)) apply.columns[name] = kind;
      }
    }
    const Columns params = flow.params;
    const bool is_open = flow.is_open;
    const auto run = flow.run;
    apply.run = [=](Table table) { return RunApplied(std::move(table), params, is_open, run); };
    return Then(before, apply);
  }

  static Table RunApplied(Table table, const Columns& params, bool is_open,
                          const std::function<Table(Table)>& run) {
    for (Row& row : table) {
      Values inside;
      for (const auto& [name, kind] : params) inside.insert(row.columns.extract(name));
      row.passing.push_back(std::exchange(row.columns, std::move(inside)));
    }
    table = run(std::move(table));
    for (Row& row : table) {
      if (is_open) row.columns.merge(row.passing.back());
      row.passing.pop_back();
    }
    return table;
  }

  /// What ends `...` is left out unless it `may_select`.
  Pipe AnyStep(const Columns& columns, bool may_select) {
    if (Chance(22)) return OrderingStep(columns, may_select);
    // In a flow that passes `...` on, the caller might have looked up the same.
    if (may_select && Chance(25)) return LookUp(columns);
    const size_t form = Below(sub_flows_.empty() ? 9 : 12);
    if (form < 2) return AnyDerive(columns);
    if (form < 4) return DeriveAndFilter(columns);
    if (form < 6) return AnyFilter(columns);
    if (form < 7) return AnyOmit(columns);
    if (form < 9) return may_select ? AnySelect(columns) : AnyDerive(columns);
    const SubFlow& flow = Pick(sub_flows_);
    return may_select || flow.is_open ? Apply(columns, flow) : AnyDerive(columns);
  }

  /// Steps that look at more than one row, and `route`. Those that `may_select` alone may do end
  /// what passes.
  Pipe OrderingStep(const Columns& columns, bool may_select) {
    switch (Below(may_select ? 8 : 3)) {
      case 0:
      case 1: return Sort(columns);
      case 2: return Limit(columns);
      case 3: return TopAndExplode(columns);
      case 4: return Group(columns);
      default: return Route(columns);
    }
  }

  /// What the shop has for a key, of which it has those below 6. Where a key must be there it is.
  Pipe LookUp(const Columns& columns) {
    const std::string miss = Pick(std::vector<std::string>{"fail", "drop", "null"});
    const int64_t num_keys = miss == "fail" ? 4 : 8;
    const Expr key = Make(Kind::kInt, columns, 1);
    const std::string name = "l" + std::to_string(num_lookups_++);
    const std::string w = "`" + name + ".w`";
    const std::string u = "`" + name + ".u`";
    Pipe pipe{" |> lookup(shop, key: mod(" + key.text + ", " + std::to_string(num_keys) +
                  "), miss: " + miss + ") as " + name,
              {},
              columns};
    pipe.columns[w] = miss == "null" ? Kind::kMaybe : Kind::kInt;
    pipe.columns[u] = Kind::kMaybe;
    pipe.run = [=](const Table& table) {
      Table found;
      for (Row row : table) {
        const int64_t k = (std::get<int64_t>(key.value(row)) % num_keys + num_keys) % num_keys;
        const auto goods = kShop.find(k);
        if (goods == kShop.end() && miss == "drop") continue;
        const bool is_there = goods != kShop.end();
        row.columns[w] = is_there ? Value(goods->second.first) : Value(std::monostate());
        row.columns[u] = is_there && goods->second.second ? Value(*goods->second.second)
                                                          : Value(std::monostate());
        found.push_back(std::move(row));
      }
      return found;
    };
    if (Chance(25)) return pipe;
    pipe = Then(pipe, AnyDerive(pipe.columns));
    return Then(pipe, Read(pipe.columns, w));
  }

  /// A column that is computed from `column`, an integer that may be missing.
  Pipe Read(const Columns& columns, const std::string& column) {
    const std::string name = AnyName();
    const bool may_be_null = columns.at(column) == Kind::kMaybe;
    Pipe pipe{" |> derive(" + name + " = " + column + (may_be_null ? " ?? 1)" : " + 1)"),
              [=](Table table) {
                for (Row& row : table) {
                  const Value value = row.columns.at(column);
                  row.columns[name] = IsNull(value) ? Value(int64_t{1})
                                      : may_be_null ? value
                                                    : Value(std::get<int64_t>(value) + 1);
                }
                return table;
              },
              columns};
    pipe.columns[name] = Kind::kInt;
    return pipe;
  }

  Pipe AnySteps(const Columns& columns, size_t most, bool may_select) {
    Pipe pipe = AnyStep(columns, may_select);
    for (size_t n = Below(most); n > 0; --n) {
      pipe = Then(pipe, AnyStep(pipe.columns, may_select));
    }
    return pipe;
  }

  // --- flows ---

  /// `let (p, q) = … |> split(…)` and a union of both halves, each with more columns.
  Pipe SplitAndUnion(const Columns& columns, std::string& lets, const std::string& table) {
    const Expr condition = Make(Kind::kBool, columns);
    lets += "  let (p, q) = " + table + " |> split(" + condition.text + ")\n";
    const std::vector<std::pair<std::string, Kind>> wanted = {{AnyName(), AnyKind()}};
    const Pipe holds = Derive(columns, wanted);
    const Pipe rest = Derive(columns, wanted);
    return {"union(p" + holds.text + ", q" + rest.text + ")",
            [=](Table rows) {
              const Table copy = rows;
              return Union({holds.run(Keep({}, condition, true).run(std::move(rows))),
                            rest.run(Keep({}, condition, false).run(copy))});
            },
            holds.columns};
  }

  SubFlow MakeSubFlow(size_t number) {
    SubFlow flow;
    flow.name = "g" + std::to_string(number);
    flow.is_open = Chance(70);
    flow.params = {{"a", Kind::kInt}};
    if (Chance(60)) flow.params["x"] = Kind::kFloat;
    if (Chance(40)) flow.params["s"] = Kind::kText;
    if (Chance(40)) flow.params["m"] = Kind::kMaybe;
    // In a flow that passes `...` on, a `select` would end it.
    Pipe body = AnySteps(flow.params, 3, !flow.is_open);
    std::string lets = "  let u = rows" + body.text + "\n";
    std::string result = "u";
    if (Chance(50)) {
      const Pipe both = SplitAndUnion(body.columns, lets, "u");
      result = both.text;
      body = Then(body, both);
    }
    for (const std::string& name : NamesOf(body.columns)) {
      if (!flow.results.empty() && !Chance(60)) continue;
      const Kind kind = body.columns.at(name);
      // A value fits where one may be missing.
      flow.results[name] = kind == Kind::kInt && Chance(20) ? Kind::kMaybe : kind;
    }
    const Columns results = flow.results;
    const auto run = body.run;
    flow.run = [=](Table table) {
      table = run(std::move(table));
      for (Row& row : table) {
        std::erase_if(row.columns, [&](const auto& one) { return !results.contains(one.first); });
      }
      return table;
    };
    const auto place = [&](const Columns& columns) {
      return flow.is_open ? std::optional(Below(columns.size() + 1)) : std::nullopt;
    };
    flow.text = "flow " + flow.name + "(rows: " + RecordOf(flow.params, place(flow.params)) +
                ") -> " + RecordOf(flow.results, place(flow.results)) + " {\n" + lets +
                "  return " + result + "\n}\n";
    return flow;
  }

  Table MakeInput() {
    static const std::vector<std::string> kTexts = {"",      "a",    "zebra", "Zebra",
                                                    "Äpfel", "日本", "a b"};
    Table rows;
    const size_t num_rows = Chance(10) ? 0 : Chance(10) ? 200 : 1 + Below(20);
    for (size_t i = 0; i < num_rows; ++i) {
      Row row;
      row.id = static_cast<int64_t>(i);
      row.columns = {{"id", static_cast<int64_t>(i)},
                     {"a", static_cast<int64_t>(Below(20)) - 5},
                     {"x", static_cast<float>(Below(4000)) / 1000.0F - 1.0F},
                     {"s", Pick(kTexts)}};
      rows.push_back(std::move(row));
    }
    return rows;
  }

  /// A union of two or three tables in a form that they can share.
  Named MakeUnion(const std::vector<Named>& tables, const std::string& name, std::string& text) {
    Columns wanted = {{"id", Kind::kInt}};
    for (const std::string& column : NamesOf(tables.back().columns)) {
      if (Chance(50)) wanted[column] = tables.back().columns.at(column);
    }
    std::string list;
    std::vector<Table> parts;
    for (size_t n = 2 + Below(2); n > 0; --n) {
      const Named& table = Pick(tables);
      const Pipe pipe = Select(table.columns, wanted, 10);
      list += (list.empty() ? "" : ", ") + table.name + pipe.text;
      parts.push_back(pipe.run(table.rows));
    }
    text += "  let " + name + " = union(" + list + ")\n";
    return {name, wanted, Union(std::move(parts))};
  }

  /// `join(a, b, on: key)` of two tables that share nothing but the key, or by row of two tables
  /// that have each row of the request once at most.
  Named MakeJoin(const std::vector<Named>& tables, const std::string& name, std::string& text) {
    const bool by_row = Chance(30);
    const Named& left = by_row ? tables.front() : Pick(tables);
    const Named& right = by_row ? tables.front() : Pick(tables);
    Columns left_wanted = {{"p", AnyKind()}};
    Columns right_wanted = {{"q", AnyKind()}, {"r", AnyKind()}};
    const Kind key = Chance(70) ? Kind::kInt : Kind::kText;
    if (!by_row) left_wanted["j"] = right_wanted["j"] = key;
    Pipe left_pipe = Select(left.columns, left_wanted, 60);
    const Pipe filter = AnyFilter(right.columns);
    const Pipe right_pipe = Then(filter, Select(filter.columns, right_wanted, 60));
    const Table left_rows = left_pipe.run(left.rows);
    const Table right_rows = right_pipe.run(right.rows);
    Columns columns = left_wanted;
    columns.insert(right_wanted.begin(), right_wanted.end());
    Table joined;
    for (const Row& a : left_rows) {
      for (const Row& b : right_rows) {
        if (by_row ? a.id != b.id : a.columns.at("j") != b.columns.at("j")) continue;
        Values values = a.columns;
        values.insert(b.columns.begin(), b.columns.end());
        joined.push_back(RowLike(a, std::move(values)));
      }
    }
    text += "  let " + name + " = join(" + left.name + left_pipe.text + ", " + right.name +
            right_pipe.text + (by_row ? ")\n" : ", on: j)\n");
    return {name, columns, std::move(joined)};
  }

  /// Some rows of the request, each with what some of them have besides.
  Named LeftJoin(const Named& input, const std::string& name, std::string& text) {
    const Pipe left = AnyFilter(input.columns);
    const Expr condition = Make(Kind::kBool, input.columns);
    const Expr value = Make(Kind::kInt, input.columns);
    const std::string column = "j_" + name;
    text += "  let " + name + " = " + input.name + left.text + " |> join(" + input.name +
            " |> filter(" + condition.text + ") |> select(" + column + " = " + value.text +
            "), how: left)\n";
    std::map<int64_t, Value> values;
    for (const Row& row : input.rows) {
      if (std::get<bool>(condition.value(row))) values[row.id] = value.value(row);
    }
    Named joined{name, left.columns, left.run(input.rows)};
    joined.columns[column] = Kind::kMaybe;
    for (Row& row : joined.rows) {
      const auto found = values.find(row.id);
      row.columns[column] = found == values.end() ? Value(std::monostate()) : found->second;
    }
    return joined;
  }

  void AddStatement(std::vector<Named>& tables, std::string& text) {
    const std::string name = "t" + std::to_string(tables.size());
    // Mostly go on with a late table, so that chains grow.
    const Named from = Chance(60) ? tables.back() : Pick(tables);
    const size_t form = Below(11);
    if (Chance(10)) {
      std::string join;
      Named joined = MakeJoin(tables, name, join);
      if (joined.rows.size() <= 400) {  // else rows would multiply from join to join
        text += join;
        tables.push_back(std::move(joined));
      }
    } else if (form == 10) {
      tables.push_back(LeftJoin(tables.front(), name, text));
    } else if (form < 2 && !pipes_.empty()) {
      // What an earlier statement did, once more.
      const auto [source, pipe] = Pick(pipes_);
      text += "  let " + name + " = " + source.name + pipe.text + "\n";
      tables.push_back({name, pipe.columns, pipe.run(source.rows)});
    } else if (form < 5) {
      const Pipe pipe = AnySteps(from.columns, 4, true);
      pipes_.emplace_back(from, pipe);
      text += "  let " + name + " = " + from.name + pipe.text + "\n";
      tables.push_back({name, pipe.columns, pipe.run(from.rows)});
    } else if (const auto maybe = AnyMaybe(from.columns); form < 8 && maybe && Chance(30)) {
      const std::string other = "t" + std::to_string(tables.size() + 1);
      text += "  let (" + name + ", " + other + ") = " + from.name + " |> split(" + *maybe +
              " is null)\n";
      for (const bool is_known : {false, true}) {
        const Pipe half = KeepKnown(from.columns, *maybe, is_known);
        tables.push_back({is_known ? other : name, half.columns, half.run(from.rows)});
      }
    } else if (form < 8) {
      const Expr condition = Make(Kind::kBool, from.columns);
      const std::string other = "t" + std::to_string(tables.size() + 1);
      text += "  let (" + name + ", " + other + ") = " + from.name + " |> split(" + condition.text +
              ")\n";
      for (const bool wanted : {true, false}) {
        tables.push_back({wanted ? name : other, from.columns,
                          Keep(from.columns, condition, wanted).run(from.rows)});
      }
    } else {
      tables.push_back(MakeUnion(tables, name, text));
    }
  }

  std::string MakeBody(RandomFlow& flow) {
    Columns columns;
    for (const auto& [name, kind] : kInputColumns) columns[name] = kind;
    std::vector<Named> tables = {{"rows", columns, flow.input}};
    std::string lets;
    for (size_t n = 1 + Below(6); n > 0; --n) AddStatement(tables, lets);
    if (Chance(60)) tables.push_back(MakeUnion(tables, "t" + std::to_string(tables.size()), lets));
    if (Chance(50)) {
      const Named whole = tables.back();
      const Pipe both = SplitAndUnion(whole.columns, lets, whole.name);
      lets += "  let both = " + both.text + "\n";
      tables.push_back({"both", both.columns, both.run(whole.rows)});
    }
    const Named& last = tables.back();
    const Pipe pipe = AnySelect(last.columns);
    flow.expected = pipe.run(last.rows);
    return "flow f(rows: { id: i64, a: i64, x: f32, s: string }) -> " +
           RecordOf(pipe.columns, std::nullopt) + " {\n" + lets + "  return " + last.name +
           pipe.text + "\n}\n";
  }

  std::mt19937 random_;
  int num_lookups_ = 0;
  std::vector<SubFlow> sub_flows_;
  std::vector<std::pair<Named, Pipe>> pipes_;  // of the main flow, each with what it reads
};

std::string ToString(const Value& value) {
  if (const bool* is_true = std::get_if<bool>(&value)) return *is_true ? "true" : "false";
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (std::holds_alternative<std::monostate>(value)) return "null";
  if (const std::string* text = std::get_if<std::string>(&value)) return "\"" + *text + "\"";
  const float number = std::get<float>(value);
  if (std::isnan(number)) return "nan";  // whichever sign
  char text[40];
  std::snprintf(text, sizeof text, "%a", static_cast<double>(number));
  return text;
}

}  // namespace

const std::map<int64_t, std::pair<int64_t, std::optional<int64_t>>> kShop = {
    {0, {3, 0}}, {1, {-7, std::nullopt}}, {2, {0, 12}},
    {3, {3, 1}}, {4, {99, std::nullopt}}, {5, {5, 5}}};

RandomFlow MakeRandomFlow(uint32_t seed) { return Generator(seed).Run(); }

std::string ToString(const Table& table) {
  std::string text;
  for (const Row& row : table) {
    for (const auto& [name, value] : row.columns) text += name + " " + ToString(value) + "  ";
    text += "\n";
  }
  return text;
}

}  // namespace raceway::compiler::testing
