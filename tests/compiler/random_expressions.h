#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/compiler/random_tensors.h"

namespace raceway::compiler::testing {

/// Chooses expressions over the columns of a row; equal seeds choose the same.
class RandomExpressions : protected RandomTensors {
 protected:
  using RandomTensors::RandomTensors;

  Expr AnyInteger(const Columns& columns, int depth) override {
    return Make(Kind::kInt, columns, std::max(depth, 0));
  }

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

  static bool IsNan(const Value& value) {
    const float* number = std::get_if<float>(&value);
    return number != nullptr && std::isnan(*number);
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
                  // The right one matters only where the left does not decide.
                  return std::get<bool>(a.value(row)) == is_and ? b.value(row) : Value(!is_and);
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
    const bool is_order = sign.front() == '<' || sign.front() == '>';
    return {"(" + a.text + " " + sign + " " + b.text + ")", [=, this](const Row& row) {
              const Value left = a.value(row);
              const Value right = b.value(row);
              if (is_order && (IsNan(left) || IsNan(right))) met_nan_ = true;
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
    if (Chance(6)) return SizeOrPlace(columns, depth - 1);
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
    if (Chance(8)) return Element(columns, depth - 1);
    const size_t form = Below(5);
    if (form == 0) {
      const Expr i = Make(Kind::kInt, columns, depth - 1);
      return {"f32(" + i.text + ")", [=](const Row& row) {
                return Value(static_cast<float>(std::get<int64_t>(i.value(row))));
              }};
    }
    const Expr a = Make(Kind::kFloat, columns, depth - 1);
    const Expr b = Make(Kind::kFloat, columns, depth - 1);
    const char sign = "+-*/"[form - 1];
    return {"(" + a.text + " " + sign + " " + b.text + ")", [=](const Row& row) {
              const float left = std::get<float>(a.value(row));
              const float right = std::get<float>(b.value(row));
              return Value(sign == '+'   ? left + right
                           : sign == '-' ? left - right
                           : sign == '*' ? left * right
                                         : left / right);
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

  bool met_nan_ = false;  // in a comparison that was asked
};

}  // namespace raceway::compiler::testing
