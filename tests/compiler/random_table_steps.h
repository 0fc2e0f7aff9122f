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

#include "tests/compiler/random_row_steps.h"

namespace raceway::compiler::testing {

/// Chooses steps that look at several rows, flows applied, look-ups, and chains of any steps.
class RandomTableSteps : protected RandomRowSteps {
 protected:
  using RandomRowSteps::RandomRowSteps;

  /// `7`, `(-(7))`, `"a"`, `true`, a parameter: the same for all rows.
  static bool MayBeLiteral(std::string text) {
    std::erase_if(text, [](char c) { return c == '(' || c == ')' || c == '-'; });
    return text == "true" || text == "false" || text == "limit" || text == "scale" ||
           std::string_view("\"0123456789").find(text.front()) != std::string_view::npos;
  }

  Pipe Sort(const Columns& columns) {
    Pipe pipe{" |> sort(", {}, columns};
    std::vector<std::pair<Expr, bool>> keys;
    for (size_t n = 1 + Below(2); n > 0; --n) {
      Expr key = Make(static_cast<Kind>(Below(4)), columns, 1);
      while (MayBeLiteral(key.text)) key = Make(static_cast<Kind>(Below(4)), columns, 1);
      const bool descending = Chance(40);
      pipe.text +=
          std::string(keys.empty() ? "" : ", ") + (descending ? "descending: " : "") + key.text;
      keys.emplace_back(key, descending);
    }
    pipe.text += ")";
    pipe.run = [=](Table table) {
      for (const Row& row : table) {  // also of one that is compared with none
        for (const auto& [key, descending] : keys) key.value(row);
      }
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
    if (may_select && Chance(10)) return Rescued(columns);
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

  int num_lookups_ = 0;
  std::vector<SubFlow> sub_flows_;
};

}  // namespace raceway::compiler::testing
