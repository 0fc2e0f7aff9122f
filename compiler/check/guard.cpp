// What happens to rows for which a step fails: `map(f, timeout: 900ms, on_error: drop)`,
// `map(f, on_error: null)`, `step rescue step`.
#include "compiler/check/guard.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "compiler/check/branches.h"
#include "compiler/check/durations.h"
#include "compiler/check/foreign_names.h"
#include "compiler/check/nulls.h"
#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

/// The name of the function that a `map` calls, or the empty string.
std::string FunctionOf(const ast::Step& step) {
  if (step.path.Text() != "map" || step.args.empty()) return "";
  return ColumnName(step.args.front()).value_or("");  // `f`, or `lib.f` of an import
}

/// The option `key` of a `map`, unless its function has a parameter of this name.
const ast::Arg* OptionOf(const ast::Step& step, std::string_view key, const StepScope& scope) {
  if (step.path.Text() != "map") return nullptr;
  const auto function = scope.declarations.functions.find(FunctionOf(step));
  if (function != scope.declarations.functions.end()) {
    const auto& params = function->second.params;
    const auto is_key = [&](const DeclaredColumn& param) { return param.name == key; };
    if (std::any_of(params.begin(), params.end(), is_key)) return nullptr;
  }
  for (const ast::Arg& arg : step.args) {
    if (arg.kind == ast::Arg::Kind::kOption && arg.key.text == key) return &arg;
  }
  return nullptr;
}

/// "map(qa)"
std::string LabelOf(const ast::Step& step) {
  const std::string function = FunctionOf(step);
  return function.empty() ? step.path.Text() : "map(" + function + ")";
}

class GuardChecker {
 public:
  GuardChecker(const ast::Step& step, const Table& input, const StepScope& scope,
               const StepChecker& check)
      : step_(step), input_(input), scope_(scope), check_(check) {}

  std::optional<Table> Run() {
    out_ = MakeStep(StepKind::kGuard, step_.range, LabelOf(step_));
    bool is_fine = ReadTimeout();
    is_fine &= ReadOnError();
    std::vector<CheckedBranch> branches;
    is_fine &= AddBranch("try", step_, branches);
    if (!step_.rescue.empty()) {
      out_.label += " rescue " + LabelOf(step_.rescue.front());
      is_fine &= AddBranch("rescue", step_.rescue.front(), branches);
    }
    if (!is_fine) return std::nullopt;
    if (gives_null_) {
      out_.label += " rescue null";
      AddNulls(branches);
    }
    if (TreatsEachRow(branches.front().branch) && (drops_ || branches.size() > 1)) {
      out_.options.emplace_back("each_row", true);
    }
    const Lineage lineage = LineageOf(branches);
    const std::array<std::string, 2> names = {"`" + LabelOf(step_) + "`", "the substitute"};
    std::optional<Table> table =
        MergeBranches(input_.port, std::move(branches), names,
                      "a substitute gives the columns of what it stands in for", out_, scope_);
    if (!table) return std::nullopt;
    table->lineage = lineage;
    Append(*table, std::move(out_), "guard", scope_);
    return table;
  }

 private:
  bool ReadTimeout() {
    const ast::Arg* timeout = OptionOf(step_, "timeout", scope_);
    if (timeout == nullptr) return true;
    const auto duration =
        CheckDuration(timeout->value.head, "timeout", scope_.declarations, scope_.diagnostics);
    if (duration) out_.options.emplace_back("timeout", int64_t{duration->count()});
    return duration.has_value();
  }

  bool ReadOnError() {
    const ast::Arg* on_error = OptionOf(step_, "on_error", scope_);
    if (on_error == nullptr) return true;
    const ast::Expr& value = on_error->value.head;
    const bool is_name = value.kind == ast::Expr::Kind::kName;
    if (is_name && value.text == "fail") return true;
    gives_null_ = value.kind == ast::Expr::Kind::kNull;
    drops_ = is_name && value.text == "drop";
    if (!gives_null_ && !drops_) {
      ReportOnError(value);
      return false;
    }
    if (drops_) out_.options.emplace_back("on_error", "drop");
    if (step_.rescue.empty()) return true;
    Bad(step_.rescue.front().range,
        std::string("no row gets to this `rescue`: those that fail ") +
            (drops_ ? "are dropped" : "get nulls"),
        std::string("take out `on_error: ") + (drops_ ? "drop" : "null") + "` or `rescue`", scope_);
    return false;
  }

  void ReportOnError(const ast::Expr& value) {
    static const std::vector<std::string> kKnown = {"fail", "drop", "null"};
    dsl::Diagnostic& error = scope_.diagnostics.Add(dsl::DiagnosticKind::kBadArguments, value.range,
                                                    "`on_error` is `fail`, `drop` or `null`");
    const bool is_text = value.kind == ast::Expr::Kind::kString;
    if (!is_text && value.kind != ast::Expr::Kind::kName) return;
    if (is_text && std::find(kKnown.begin(), kKnown.end(), value.text) != kKnown.end()) {
      return error.Fix("it stands without quotes: `" + value.text + "`", value.text);
    }
    SuggestOwn(error, NameKind::kOnError, value.text, kKnown, true);
  }

  bool AddBranch(const std::string& name, const ast::Step& step,
                 std::vector<CheckedBranch>& branches) {
    const auto body = [&](const Table& rows) {
      std::optional<std::vector<Table>> ends = check_(step, rows);
      if (gives_null_ && ends)
        MakeOptional(ends->front(), NewIn(ends->front()), step.range, scope_);
      return ends;
    };
    std::optional<CheckedBranch> branch = CheckBranch(name, step.range, input_, body, scope_);
    if (!branch) return false;
    branches.push_back(*std::move(branch));
    return true;
  }

  /// The names of what the step defined.
  std::vector<std::string> NewIn(const Table& table) const {
    const std::vector<std::string> before = input_.Ids();
    std::vector<std::string> names;
    for (const TableColumn& column : table.columns) {
      if (std::find(before.begin(), before.end(), column.id) == before.end()) {
        names.push_back(column.name);
      }
    }
    return names;
  }

  /// Adds the branch of the rows that fail: nulls for what the step would have defined.
  void AddNulls(std::vector<CheckedBranch>& branches) {
    const Table& wanted = branches.front().end;
    const auto body = [&](const Table& rows) {
      Table table = rows;
      Step nulls = MakeStep(StepKind::kDerive, step_.range, "null");
      for (const std::string& name : NewIn(wanted)) {
        const engine::Type type = scope_.builder.TypeOf(wanted.Find(name)->id);
        const std::string id = scope_.builder.NewColumn(name, type, step_.range);
        nulls.expressions.push_back({id, engine::Expression::Constant({}, type)});
        SetColumn(table, name, id);
      }
      Append(table, std::move(nulls), "null", scope_);
      return std::optional(std::vector<Table>{std::move(table)});
    };
    std::optional<CheckedBranch> branch = CheckBranch("rescue", step_.range, input_, body, scope_);
    if (branch) branches.push_back(*std::move(branch));
  }

  /// Which rows fail is a choice like any other.
  Lineage LineageOf(const std::vector<CheckedBranch>& branches) {
    const int choice = scope_.builder.NewNumber();
    const Lineage& first = branches.front().end.lineage;
    if (branches.size() == 1) return drops_ ? first.Choose({choice, true}) : first;
    const Lineage& second = branches.back().end.lineage;
    if (first.origin() != second.origin()) return Lineage(scope_.builder.NewNumber()).Many();
    return first.Choose({choice, true}).Union(second.Choose({choice, false}));
  }

  const ast::Step& step_;
  const Table& input_;
  const StepScope& scope_;
  const StepChecker& check_;
  Step out_;
  bool drops_ = false;
  bool gives_null_ = false;
};

}  // namespace

bool IsGuarded(const ast::Step& step, const StepScope& scope) {
  if (!step.rescue.empty() || OptionOf(step, "timeout", scope) != nullptr) return true;
  const ast::Arg* on_error = OptionOf(step, "on_error", scope);
  if (on_error == nullptr) return false;
  const ast::Expr& value = on_error->value.head;
  return value.kind != ast::Expr::Kind::kName || value.text != "fail";  // which is so anyway
}

std::optional<Table> CheckGuarded(const ast::Step& step, const Table& input, const StepScope& scope,
                                  const StepChecker& check) {
  return GuardChecker(step, input, scope, check).Run();
}

}  // namespace raceway::compiler
