#include "tests/compiler/random_flow.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "tests/compiler/random_table_steps.h"

namespace raceway::compiler::testing {
namespace {

constexpr char kStoreText[] = "store shop(k: i64) -> (w: i64, u: i64?) { rocksdb: \"shop\" }\n\n";

class Generator final : RandomTableSteps {
 public:
  explicit Generator(uint32_t seed) : RandomTableSteps(seed) {}

  RandomFlow Run() {
    const size_t num_flows = Below(4);
    for (size_t i = 0; i < num_flows; ++i) sub_flows_.push_back(MakeSubFlow(i));
    RandomFlow flow;
    flow.input = MakeInput();
    std::string body = MakeBody(flow);
    flow.meets_nan = met_nan_;
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
    if (Chance(15) && !rows.empty()) {
      rows.back().columns["x"] = std::numeric_limits<float>::quiet_NaN();
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
