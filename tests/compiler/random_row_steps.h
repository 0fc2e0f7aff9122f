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

#include "tests/compiler/random_expressions.h"

namespace raceway::compiler::testing {

/// Chooses steps that treat each row by itself.
class RandomRowSteps : protected RandomExpressions {
 protected:
  using RandomExpressions::RandomExpressions;

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

  /// An integer that fails where a divisor is 0 or NaN is compared, and what is there in its place
  /// then.
  Pipe Rescued(const Columns& columns) {
    const std::string name = AnyName();
    const Expr value = Make(Kind::kInt, columns, 2);
    Columns with_early = columns;  // the divisor sees the new `early`
    with_early["early"] = Kind::kInt;
    const Expr divisor = Make(Kind::kInt, with_early, 1);
    const Expr other = Make(Kind::kInt, columns, 2);
    const std::string first =
        "early = " + value.text + ", " + name + " = early + 0 / " + divisor.text;
    Pipe pipe{
        " |> derive(" + first + ") rescue derive(" + name + " = " + other.text + ", early = 1)",
        [=, this](Table table) {
          for (Row& row : table) {
            Row derived = row;
            const bool met_nan = std::exchange(met_nan_, false);
            derived.columns["early"] = value.value(row);
            const bool fails = divisor.value(derived) == Value(int64_t{0}) || met_nan_;
            met_nan_ = met_nan;
            derived.columns[name] = fails ? other.value(row) : derived.columns["early"];
            if (fails) derived.columns["early"] = Value(int64_t{1});
            row = std::move(derived);
          }
          return table;
        },
        columns};
    pipe.columns[name] = pipe.columns["early"] = Kind::kInt;
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
};

}  // namespace raceway::compiler::testing
