// The rule of `join`: rows of two tables that belong together, by lineage or by a key.
#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "compiler/check/nulls.h"
#include "compiler/check/size_checks.h"
#include "compiler/check/step_parts.h"
#include "engine/data/dim_formula.h"
#include "engine/data/key_type.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

enum class How { kInner, kLeft, kFull };

/// The options of `join`: the key's name and whether all were understood.
struct Options {
  std::optional<ast::Name> on;
  How how = How::kInner;
  bool is_fine = true;
};

void ReadHow(const ast::Arg& arg, Options& options, const StepScope& scope) {
  const ast::Expr& how = arg.value.head;
  const std::string name = how.kind == ast::Expr::Kind::kName ? how.text : "";
  if (name == "left") options.how = How::kLeft;
  if (name == "full") options.how = How::kFull;
  if (name == "inner" || options.how != How::kInner) return;
  options.is_fine = false;
  Bad(how.range, "`how` is `inner`, `left` or `full`", "", scope);
}

Options ReadOptions(const std::vector<ast::Arg>& args, const StepScope& scope) {
  Options options;
  for (const ast::Arg& arg : args) {
    if (arg.kind != ast::Arg::Kind::kOption) continue;
    if (arg.key.text == "how") {
      ReadHow(arg, options, scope);
    } else if (arg.key.text != "on") {
      scope.diagnostics
          .Add(DiagnosticKind::kUnknownOption, arg.key.range,
               "`join` has no option `" + arg.key.text + "`")
          .help = "its options are `on` and `how`";
      options.is_fine = false;
    } else if (arg.value.head.kind != ast::Expr::Kind::kName || !arg.value.steps.empty()) {
      Bad(arg.value.range, "`on` takes the name of a column that both tables have", "on: user",
          scope);
      options.is_fine = false;
    } else {
      options.on = ast::Name{arg.value.head.text, arg.value.head.range};
    }
  }
  return options;
}

/// The key of one side; null after a mistake.
const TableColumn* Key(const Table& table, const ast::Name& on, const StepScope& scope) {
  const TableColumn* column = table.Find(on.text);
  if (column == nullptr) {
    ReportUnknownColumn(on.text, on.range, On(table, scope));
    return nullptr;
  }
  const engine::Type& type = scope.builder.TypeOf(column->id);
  if (CanBeKey(type)) return column;
  scope.diagnostics
      .Add(DiagnosticKind::kTypeMismatch, on.range,
           "rows are joined by integers, bools, times or strings, `" + on.text + "` is " +
               scope.builder.dims.Show(type))
      .help = type.optional ? CuresOfNull(on.text) : "";
  return nullptr;
}

bool CanJoinByLineage(SourceRange where, const Table& left, const Table& right,
                      const StepScope& scope) {
  const bool are_related = left.lineage.origin() == right.lineage.origin();
  if (are_related && !(left.lineage.is_many() && right.lineage.is_many())) return true;
  dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
      DiagnosticKind::kBadArguments, where,
      are_related ? "both tables may have several rows for one row of the request"
                  : "these tables have no rows in common that they come from");
  diagnostic.notes.push_back({left.made, "one of them is made here"});
  diagnostic.notes.push_back({right.made, "the other here"});
  diagnostic.help = "say which column belongs together: `join(…, on: key)`";
  return false;
}

/// A name that both have must be one column, or nobody could tell which is meant.
bool HaveNoClash(SourceRange where, const Table& left, const Table& right, const ast::Name* key,
                 const StepScope& scope) {
  for (const TableColumn& column : right.columns) {
    const TableColumn* same = left.Find(column.name);
    const bool is_merged =
        key == nullptr ? same != nullptr && same->id == column.id : column.name == key->text;
    if (same == nullptr || is_merged) continue;
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        DiagnosticKind::kColumnClash, where, "both tables have a column `" + column.name + "`");
    diagnostic.notes.push_back({scope.builder.OriginOf(same->id), "one is made here"});
    diagnostic.notes.push_back({scope.builder.OriginOf(column.id), "the other here"});
    diagnostic.help =
        "take one out, `omit(" + column.name + ")`, or give it another name in `select`";
    return false;
  }
  return true;
}

/// The symbols that stand alone in a dimension, where a row tells its size.
template <typename Function>
void EachMeasured(const TableColumn& column, const PlanBuilder& builder, Function function) {
  const engine::Type type = builder.dims.Resolve(builder.TypeOf(column.id));
  if (!CanMeasure(type)) return;
  for (size_t i = 0; i < type.shape.size(); ++i) {
    const engine::Dim& dim = type.shape[i];
    if (!dim.is_size() && dim.symbol != "_" && !IsFormula(dim)) {
      function(dim, Measured{column, i});
    }
  }
}

/// A symbol is one size in a row, and a key brings rows together that may differ in it. So each
/// joined row is checked, by one column of each table; what comes of it later is as it was then.
/// The columns of `joined` are those of `left` and then the added ones.
void CheckJoinedSizes(const Table& left, SourceRange where, Table& joined, PlanBuilder& builder) {
  std::map<std::string, Measured> of_left;
  for (const auto* columns : {&left.columns, &left.passing}) {
    for (const TableColumn& column : *columns) {
      EachMeasured(column, builder, [&](const engine::Dim& dim, const Measured& size) {
        of_left.try_emplace(dim.symbol, size);
      });
    }
  }
  const std::vector<TableColumn> columns = joined.columns;
  for (const TableColumn& column : std::span(columns).subspan(left.columns.size())) {
    EachMeasured(column, builder, [&](const engine::Dim& dim, const Measured& size) {
      const auto same = of_left.extract(dim.symbol);
      if (same.empty()) return;
      CheckSameSize(same.mapped(), size,
                    "`" + builder.dims.Show(dim) + "` is one size in the rows of a `join`", where,
                    joined, builder);
    });
  }
}

/// Builds the result of one join.
class Joining {
 public:
  Joining(SourceRange where, const Options& options, const Table& left, const Table& right,
          const StepScope& scope)
      : options_(options), left_(left), right_(right), builder_(scope.builder), table_(left) {
    step_ = MakeStep(StepKind::kJoin, where, "join");
    if (options.how == How::kLeft) step_.options = {{"how", "left"}};
    if (options.how == How::kFull) step_.options = {{"how", "full"}};
    table_.made = where;
    table_.made_by = "`join`";
    table_.is_empty = left.is_empty || (right.is_empty && options.how == How::kInner);
    if (options.how == How::kFull) table_.is_empty = left.is_empty && right.is_empty;
  }

  Table ByKey(const TableColumn& left_key, const TableColumn& right_key) {
    step_.arguments = {{"left", left_key.id}, {"right", right_key.id}};
    if (options_.how == How::kFull) {
      for (TableColumn& column : table_.columns) {
        const bool is_key = column.name == left_key.name;
        column.id = NewOfLeft(column, is_key ? right_key.id : "");
      }
    }
    for (const TableColumn& column : right_.columns) {
      if (column.name != right_key.name) AddRight(column);
    }
    switch (options_.how) {  // as many as match
      case How::kInner:
        table_.lineage = left_.lineage.Choose({builder_.NewNumber(), true}).Many();
        break;
      case How::kLeft: table_.lineage = left_.lineage.Many(); break;
      case How::kFull: table_.lineage = Lineage(builder_.NewNumber()).Many(); break;
    }
    return Finish(true);
  }

  Table ByRow() {
    if (options_.how == How::kFull) {
      for (TableColumn& column : table_.columns) {
        if (right_.Find(column.name) == nullptr) column.id = NewOfLeft(column, "");
      }
    }
    for (const TableColumn& column : right_.columns) {
      if (left_.Find(column.name) != nullptr) continue;
      if (options_.how == How::kInner) {
        table_.columns.push_back(column);
      } else {
        AddRight(column);
      }
    }
    switch (options_.how) {
      case How::kInner: table_.lineage = left_.lineage.Join(right_.lineage); break;
      case How::kLeft: table_.lineage = left_.lineage.LeftJoin(right_.lineage); break;
      case How::kFull: table_.lineage = left_.lineage.FullJoin(right_.lineage); break;
    }
    // Without a join by a key before, what comes together is of one row.
    return Finish(left_.lineage.is_many() || right_.lineage.is_many());
  }

 private:
  engine::Type Missing(const std::string& id) const {
    engine::Type type = builder_.TypeOf(id);
    type.optional |= !type.is_unknown();
    return type;
  }

  /// By a key the same column may come from both sides, in different rows: what comes from the
  /// right is new.
  void AddRight(const TableColumn& column) {
    engine::Type type =
        options_.how == How::kInner ? builder_.TypeOf(column.id) : Missing(column.id);
    std::string id = builder_.NewColumn(column.name, std::move(type), step_.where);
    step_.results.emplace_back(column.id, id);
    table_.columns.push_back({column.name, std::move(id)});
  }

  /// A column of the left table that takes its value from `right` where there is no left row.
  std::string NewOfLeft(const TableColumn& column, const std::string& right) {
    std::string id = builder_.NewColumn(
        column.name, right.empty() ? Missing(column.id) : builder_.TypeOf(column.id), step_.where);
    step_.sources.emplace_back(id, std::vector<std::string>{column.id, right});
    return id;
  }

  /// Sizes that both tables have a name for may be different ones, or not.
  Table Finish(bool may_differ) {
    const SourceRange where = step_.where;
    step_.outputs = {table_.Ids()};
    table_.port = builder_.AddStage("join", {left_.port, right_.port}, std::move(step_));
    if (may_differ && options_.how == How::kInner) {
      CheckJoinedSizes(left_, where, table_, builder_);
    }
    return std::move(table_);
  }

  const Options& options_;
  const Table& left_;
  const Table& right_;
  PlanBuilder& builder_;
  Table table_;
  Step step_;
};

/// In a full join there are rows that have nothing of the left table, nor what passes with it.
bool CanLeavePassing(SourceRange where, How how, const Table& left, const StepScope& scope) {
  if (how != How::kFull || (!left.open && left.passing.empty())) return true;
  Bad(where, "`how: full` does not go where `...` passes: some rows have nothing of the left table",
      "name the columns that should pass", scope);
  return false;
}

}  // namespace

std::optional<Table> CheckJoin(SourceRange where, const std::vector<ast::Arg>& args,
                               std::span<const Table> tables, const StepScope& scope) {
  const Options options = ReadOptions(args, scope);
  if (tables.size() != 2) {
    Bad(where, "`join` takes two tables, found " + std::to_string(tables.size()), "", scope);
    return std::nullopt;
  }
  if (!options.is_fine) return std::nullopt;
  const Table& left = tables[0];
  const Table& right = tables[1];
  if (!CanLeavePassing(where, options.how, left, scope)) return std::nullopt;
  if (!options.on) {
    if (!CanJoinByLineage(where, left, right, scope) ||
        !HaveNoClash(where, left, right, nullptr, scope)) {
      return std::nullopt;
    }
    return Joining(where, options, left, right, scope).ByRow();
  }
  const TableColumn* left_key = Key(left, *options.on, scope);
  const TableColumn* right_key = Key(right, *options.on, scope);
  if (left_key == nullptr || right_key == nullptr) return std::nullopt;
  if (scope.builder.TypeOf(left_key->id) != scope.builder.TypeOf(right_key->id)) {
    scope.diagnostics.Add(DiagnosticKind::kTypeMismatch, options.on->range,
                          "`" + options.on->text + "` is " +
                              ToString(scope.builder.TypeOf(left_key->id)) + " in one table, " +
                              ToString(scope.builder.TypeOf(right_key->id)) + " in the other");
    return std::nullopt;
  }
  if (!HaveNoClash(where, left, right, &*options.on, scope)) return std::nullopt;
  return Joining(where, options, left, right, scope).ByKey(*left_key, *right_key);
}

}  // namespace raceway::compiler
