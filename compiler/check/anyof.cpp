// `anyof`: different ways to the same columns; each row takes the first good answer.
#include "compiler/check/anyof.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "compiler/check/branches.h"
#include "compiler/check/durations.h"
#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::DataType;
using engine::Type;

constexpr std::string_view kExample =
    "anyof(within: 80ms) { quick => map(small), good => map(big), else => derive(y = 0.0) }";

class AnyofChecker {
 public:
  AnyofChecker(const ast::Step& step, const Table& input, const StepScope& scope,
               const ChainChecker& check)
      : step_(step), input_(input), scope_(scope), check_(check) {}

  std::optional<Table> Run() {
    if (!CheckForm(step_, {.branches = true}, scope_.diagnostics)) return std::nullopt;
    out_ = MakeStep(StepKind::kAnyof, step_.range, "anyof");
    // Where the branches stand in the brackets of the options, that is the mistake.
    bool is_fine = step_.branches.empty() || ReadOptions();
    is_fine &= CheckNames();
    if (!is_fine) return std::nullopt;
    // What becomes of a row in a branch is asked of rows that come once each.
    rows_ = input_;
    rows_.lineage = Lineage(scope_.builder.NewNumber());
    std::vector<CheckedBranch> branches;
    std::vector<std::string> names;
    for (const ast::Branch& branch : step_.branches) {
      names.push_back("`" + NameOfBranch(branch) + "`");
      is_fine &= AddBranch(branch, branches);
    }
    if (!is_fine) return std::nullopt;
    const bool keeps_rows = !has_else() || branches.back().end.lineage.is_one();
    std::optional<Table> table = MergeBranches(input_.port, std::move(branches), names,
                                               "the branches of `anyof` differ", out_, scope_);
    if (!table || !AddWinner(*table)) return std::nullopt;
    table->is_empty = false;
    table->lineage = input_.lineage;
    if (!keeps_rows) table->lineage = input_.lineage.Choose({scope_.builder.NewNumber(), true});
    Append(*table, std::move(out_), "anyof", scope_);
    return table;
  }

 private:
  bool has_else() const { return !step_.branches.back().when; }

  static std::string NameOfBranch(const ast::Branch& branch) {
    return branch.when ? branch.when->text : "else";
  }

  bool ReadOptions() {
    bool is_fine = true;
    for (const ast::Arg& arg : step_.args) is_fine &= ReadOption(arg);
    const auto within = options_.find("within");
    if (within == options_.end()) return is_fine;
    const auto duration = CheckDuration(within->second->value.head, "within", scope_.declarations,
                                        scope_.diagnostics);
    if (duration) out_.options.emplace_back("within", int64_t{duration->count()});
    return is_fine && duration;
  }

  bool ReadOption(const ast::Arg& arg) {
    const std::vector<std::string> known = {"within", "accept", "winner"};
    if (arg.kind != ast::Arg::Kind::kOption) {
      Bad(arg.range, "`anyof` takes options by name", std::string(kExample), scope_);
      return false;
    }
    if (std::find(known.begin(), known.end(), arg.key.text) == known.end()) {
      scope_.diagnostics
          .Add(DiagnosticKind::kUnknownOption, arg.key.range,
               "`anyof` has no option `" + arg.key.text + "`")
          .help = Suggest(arg.key.text, known);
      return false;
    }
    if (arg.key.text == "winner" && arg.value.head.kind != ast::Expr::Kind::kName) {
      Bad(arg.value.head.range, "`winner` is the name of a new column", "winner: by", scope_);
      return false;
    }
    if (options_.emplace(arg.key.text, &arg).second) return true;
    scope_.diagnostics.Add(DiagnosticKind::kDuplicateName, arg.key.range,
                           "`" + arg.key.text + "` is given twice");
    return false;
  }

  /// Names of their own, `else` last, two branches at least.
  bool CheckNames() {
    if (step_.branches.size() < 2 || !step_.branches.front().when) {
      Bad(step_.path.range, "`anyof` takes two branches or more, the first with a name",
          std::string(kExample), scope_);
      return false;
    }
    std::map<std::string, dsl::SourceRange> taken;
    for (const ast::Branch& branch : step_.branches) {
      if (!branch.when) {
        if (&branch == &step_.branches.back()) continue;
        Bad(branch.range, "`else` is the last branch", "", scope_);
        return false;
      }
      if (branch.when->kind != ast::Expr::Kind::kName) {
        Bad(branch.when->range, "a branch of `anyof` has a name", "quick => map(small)", scope_);
        return false;
      }
      const auto [first, is_new] = taken.emplace(branch.when->text, branch.when->range);
      if (is_new) continue;
      scope_.diagnostics
          .Add(DiagnosticKind::kDuplicateName, branch.when->range,
               "there are two branches `" + branch.when->text + "`")
          .notes.push_back({first->second, "the first is here"});
      return false;
    }
    if (has_else() || !options_.contains("within")) return true;
    Bad(step_.path.range, "`within` wants an `else` branch: rows may have no answer by then",
        "`else => fail(\"too slow\")` refuses them", scope_);
    return false;
  }

  bool AddBranch(const ast::Branch& branch, std::vector<CheckedBranch>& branches) {
    std::string accept;
    const auto body = [&](const Table& rows) -> std::optional<std::vector<Table>> {
      std::optional<std::vector<Table>> ends = check_(branch.chain, rows);
      if (!ends || ends->size() != 1 || !branch.when) return ends;
      if (!Accept(ends->front(), accept)) return std::nullopt;
      return ends;
    };
    std::optional<CheckedBranch> checked =
        CheckBranch(NameOfBranch(branch), branch.range, rows_, body, scope_);
    if (!checked) return false;
    checked->branch.accept = accept;
    const bool is_many = checked->end.lineage.is_many();
    if (is_many || checked->end.lineage.origin() != rows_.lineage.origin() ||
        !TreatsEachRow(checked->branch)) {
      Bad(branch.range, "a branch of `anyof` answers row by row: at most one row for each",
          "sort, limit, group and explode before or after `anyof`", scope_);
      return false;
    }
    branches.push_back(*std::move(checked));
    return true;
  }

  /// Has the branch compute whether its answer is good; `column` is where.
  bool Accept(Table& end, std::string& column) {
    const auto accept = options_.find("accept");
    if (accept == options_.end() || end.is_empty || end.group_keys) return true;
    const ast::Expr& expr = accept->second->value.head;
    engine::Expression good = CheckExpression(expr, On(end, scope_));
    if (good.type.is_unknown()) return false;
    if (good.type != Type{DataType::kBool, {}, false}) {
      scope_.diagnostics.Add(
          DiagnosticKind::kTypeMismatch, expr.range,
          "`accept` is a condition, this is " + scope_.builder.dims.Show(good.type));
      return false;
    }
    if (good.kind == engine::Expression::Kind::kColumn) {
      column = good.name;
      return true;
    }
    column = scope_.builder.NewColumn("accept", good.type, expr.range);
    Step step = MakeStep(StepKind::kDerive, expr.range, "accept");
    step.expressions.push_back({column, std::move(good)});
    step.outputs = {end.Ids()};
    step.outputs.front().push_back(column);
    end.port = scope_.builder.AddStage("accept", {end.port}, std::move(step));
    return true;
  }

  bool AddWinner(Table& table) {
    const auto winner = options_.find("winner");
    if (winner == options_.end()) return true;
    const ast::Expr& name = winner->second->value.head;
    if (const TableColumn* taken = table.Find(name.text)) {
      dsl::Diagnostic& diagnostic =
          scope_.diagnostics.Add(DiagnosticKind::kColumnClash, name.range,
                                 "the branches give `" + name.text + "` already");
      diagnostic.notes.push_back(
          {scope_.builder.OriginOf(taken->id), "`" + name.text + "` is from here"});
      diagnostic.help = "take another name";
      return false;
    }
    const std::string id =
        scope_.builder.NewColumn(name.text, Type{DataType::kString, {}, false}, name.range);
    out_.results.emplace_back("winner", id);
    table.columns.push_back({name.text, id});
    return true;
  }

  const ast::Step& step_;
  const Table& input_;
  const StepScope& scope_;
  const ChainChecker& check_;
  std::map<std::string, const ast::Arg*> options_;
  Table rows_;
  Step out_;
};

}  // namespace

std::optional<Table> CheckAnyof(const ast::Step& step, const Table& input, const StepScope& scope,
                                const ChainChecker& check) {
  return AnyofChecker(step, input, scope, check).Run();
}

}  // namespace raceway::compiler
