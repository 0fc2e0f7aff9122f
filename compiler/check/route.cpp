// The rule of `route`: each row takes the first branch whose value it has, or `else`.
#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/check/step_parts.h"
#include "dsl/diagnostic.h"
#include "dsl/print.h"

namespace raceway::compiler {
namespace {

constexpr std::string_view kExample = R"(route(lang) { "en" => …, else => … })";

/// `route(lang) { "en" => … }` asks `lang == "en"`, `["en", "de"] => …` asks `lang in […]`.
ast::Expr Question(const ast::Expr& subject, const ast::Expr& value) {
  ast::Expr question;
  question.kind = ast::Expr::Kind::kBinary;
  question.text = value.kind == ast::Expr::Kind::kList ? "in" : "==";
  question.range = value.range;
  question.text_range = value.range;
  question.children = {subject, value};
  return question;
}

bool HasElseLast(const ast::Step& step, const StepScope& scope) {
  for (size_t i = 0; i + 1 < step.branches.size(); ++i) {
    if (step.branches[i].when) continue;
    Bad(step.branches[i].range, "`else` is the last branch", "", scope);
    return false;
  }
  if (!step.branches.empty() && !step.branches.back().when) return true;
  // `default => …` is how others write it.
  const ast::Expr* last = step.branches.empty() ? nullptr : &*step.branches.back().when;
  constexpr std::array<std::string_view, 4> kElse = {"default", "otherwise", "_", "other"};
  if (last != nullptr && last->kind == ast::Expr::Kind::kName &&
      std::find(kElse.begin(), kElse.end(), last->text) != kElse.end()) {
    scope.diagnostics
        .Add(dsl::DiagnosticKind::kBadArguments, last->range,
             "`" + last->text + "` is no value: the last branch is `else`")
        .Fix("write `else`", "else");
    return false;
  }
  Bad(step.path.range, "`route` wants an `else` branch: other values may come",
      "`else => drop` leaves such rows out, `else => fail(\"…\")` refuses them", scope);
  return false;
}

/// No literal twice: the second branch would never be taken.
bool AreDistinct(const ast::Step& step, const StepScope& scope) {
  std::map<std::pair<ast::Expr::Kind, std::string>, dsl::SourceRange> seen;
  const auto is_new = [&](const ast::Expr& value) {
    using Kind = ast::Expr::Kind;
    if (value.kind != Kind::kInt && value.kind != Kind::kString && value.kind != Kind::kBool) {
      return true;
    }
    const auto [first, is_first] = seen.emplace(std::pair(value.kind, value.text), value.range);
    if (is_first) return true;
    scope.diagnostics
        .Add(dsl::DiagnosticKind::kBadArguments, value.range,
             "`" + dsl::PrintExpr(value) + "` has a branch already")
        .notes.push_back({first->second, "here"});
    return false;
  };
  for (const ast::Branch& branch : step.branches) {
    if (!branch.when) continue;
    const bool is_list = branch.when->kind == ast::Expr::Kind::kList;
    const std::span values =
        is_list ? std::span(branch.when->children) : std::span(&*branch.when, 1);
    if (!std::all_of(values.begin(), values.end(), is_new)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::vector<Table>> CheckRoute(const ast::Step& step, const Table& input,
                                             const StepScope& scope) {
  if (!CheckForm(step, {.branches = true}, scope.diagnostics)) return std::nullopt;
  const ast::Expr* subject = step.args.size() == 1 ? PlainExpression(step.args.front()) : nullptr;
  if (subject == nullptr || step.branches.empty()) {
    Bad(step.range, "`route` takes one value and branches", std::string(kExample), scope);
    return std::nullopt;
  }
  if (!HasElseLast(step, scope) || !AreDistinct(step, scope)) return std::nullopt;
  std::vector<Table> branches;
  Table rest = input;
  bool is_fine = true;
  for (const ast::Branch& branch : step.branches) {
    if (!branch.when) continue;
    engine::Expression holds = CheckExpression(Question(*subject, *branch.when), On(rest, scope));
    is_fine &= !holds.type.is_unknown();
    if (!is_fine) continue;
    const engine::Type type = holds.type;
    engine::Expression otherwise = engine::Expression::Call("not", {holds}, type);
    const int choice = scope.builder.NewNumber();
    const auto keep = [&](engine::Expression condition, bool truth, dsl::SourceRange where) {
      Table kept = Keep(rest, std::move(condition), {choice, truth}, where, "route",
                        truth ? "route" : "route.else", scope);
      kept.made = input.made;  // the columns of a branch are those that came
      kept.made_by = input.made_by;
      return kept;
    };
    branches.push_back(keep(std::move(holds), true, branch.range));
    rest = keep(std::move(otherwise), false, step.range);
  }
  if (!is_fine) return std::nullopt;
  branches.push_back(std::move(rest));
  return branches;
}

}  // namespace raceway::compiler
