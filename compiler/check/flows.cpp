#include "compiler/check/flows.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <variant>

#include "compiler/check/anyof.h"
#include "compiler/check/facts.h"
#include "compiler/check/flow_signature.h"
#include "compiler/check/foreign_names.h"
#include "compiler/check/guard.h"
#include "compiler/check/name_dims.h"
#include "compiler/check/step_parts.h"
#include "compiler/check/steps.h"
#include "compiler/check/table.h"
#include "dsl/print.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;

using Tables = std::vector<Table>;
using Flows = std::vector<const FlowInfo*>;

/// Flows are written out where they are applied, so that a short text can mean a huge plan.
constexpr size_t kMaxStages = 10000;

void CheckDefinition(FlowInfo& flow, Flows under_way, const engine::Catalog& catalog,
                     dsl::Diagnostics& diagnostics);

/// The bodies of flows, one inside the other where they are applied.
class FlowChecker {
 public:
  /// Checks the last of `under_way`; its definition if `is_definition`, else for a plan.
  FlowChecker(Flows under_way, bool is_definition, const engine::Catalog& catalog,
              PlanBuilder& builder, dsl::Diagnostics& diagnostics)
      : catalog_(catalog),
        builder_(builder),
        root_diagnostics_(diagnostics),
        is_definition_(is_definition),
        root_depth_(under_way.size()),
        stack_(std::move(under_way)) {}

  /// The flow's input tables as its signature has them.
  std::vector<Table> InputsOf(const FlowInfo& flow, Instantiation& instantiate) {
    std::vector<Table> inputs;
    for (size_t i = 0; i < flow.params.size(); ++i) {
      const FlowParam& param = flow.params[i];
      Table table;
      for (const DeclaredColumn& column : param.rows.columns) {
        table.columns.push_back(
            {column.name, builder_.NewColumn(column.name, instantiate(column.type), column.range)});
      }
      table.port = {-1, static_cast<int32_t>(i)};
      if (param.rows.is_open()) table.open = i;
      table.lineage = Lineage(builder_.NewNumber());
      table.made = param.rows.range;
      table.made_by = "`" + param.name + "`";
      inputs.push_back(std::move(table));
    }
    return inputs;
  }

  /// Runs through a body with `inputs` as its tables. Each result has the columns of the flow's
  /// signature and what passed.
  std::optional<Tables> Body(const FlowInfo& flow, const std::vector<Table>& inputs,
                             Instantiation& instantiate, dsl::Diagnostics& diagnostics) {
    std::map<std::string, std::optional<Table>> scope;  // null: had a mistake
    for (size_t i = 0; i < inputs.size(); ++i) scope[flow.params[i].name] = inputs[i];
    std::set<std::string> used;
    const Frame frame{scope, diagnostics, used, builder_.branch_depth()};
    const auto hints = builder_.hints.Enter(Here().hints, flow.decl->name.range.begin);
    bool is_fine = true;
    for (const ast::Stmt& stmt : flow.decl->body) {
      if (const auto* let = std::get_if<ast::Let>(&stmt)) {
        is_fine &= BindLet(*let, scope, frame);
        continue;
      }
      const auto& returned = std::get<ast::Return>(stmt);
      if (&stmt != &flow.decl->body.back()) {
        diagnostics.Add(DiagnosticKind::kBadArguments, returned.range,
                        "`return` is the last statement of a flow");
        return std::nullopt;
      }
      std::optional<Tables> results = ReturnTables(flow, returned, frame, instantiate);
      if (!is_fine) return std::nullopt;
      if (results) WarnOfUnused(flow, frame);
      return results;
    }
    diagnostics.Add(DiagnosticKind::kNoReturn, flow.decl->name.range,
                    "flow `" + flow.decl->name.text + "` does not end with `return`");
    return std::nullopt;
  }

 private:
  struct Frame {
    std::map<std::string, std::optional<Table>>& tables;
    dsl::Diagnostics& diagnostics;
    std::set<std::string>& used;
    size_t branch_depth;  // where its tables are
  };

  /// Whether this is the body of the definition being checked, not of a flow that it applies.
  bool IsInDefinition() const { return is_definition_ && stack_.size() == root_depth_; }

  /// What the body under way may name.
  Declarations& Here() const { return *stack_.back()->home; }

  StepScope ScopeOf(const Frame& frame) { return {builder_, Here(), catalog_, frame.diagnostics}; }

  bool BindLet(const ast::Let& let, std::map<std::string, std::optional<Table>>& scope,
               const Frame& frame) {
    std::optional<Tables> value = CheckPipeline(let.value, frame);
    bool is_fine = value.has_value();
    if (value && value->size() != let.names.size()) {
      frame.diagnostics
          .Add(DiagnosticKind::kBadArguments, let.names.front().range,
               (value->size() > 1 ? SeveralTables(*value) : "this is one table") + ", " +
                   (let.names.size() == 1
                        ? "here is one name"
                        : "here are " + std::to_string(let.names.size()) + " names"))
          .help = value->size() > 1 ? HowToName(*value) : "";
      is_fine = false;
    }
    for (size_t i = 0; i < let.names.size(); ++i) {
      const ast::Name& name = let.names[i];
      if (scope.contains(name.text)) {
        frame.diagnostics.Add(DiagnosticKind::kDuplicateName, name.range,
                              "the table `" + name.text + "` is there already");
        is_fine = false;
        continue;
      }
      std::optional<Table>& table = scope[name.text];
      if (is_fine) {
        table = (*value)[i];
        table->made_by = "`" + name.text + "`";
        table->result.clear();
        NoteTable(name.range, *table);
      }
    }
    return is_fine;
  }

  void WarnOfUnused(const FlowInfo& flow, const Frame& frame) {
    for (const ast::Stmt& stmt : flow.decl->body) {
      const auto* let = std::get_if<ast::Let>(&stmt);
      if (let == nullptr) continue;
      for (const ast::Name& name : let->names) {
        if (frame.used.contains(name.text)) continue;
        dsl::Diagnostic& diagnostic =
            frame.diagnostics.Add(DiagnosticKind::kUnusedTable, name.range,
                                  "the table `" + name.text + "` is never used");
        const bool is_half = let->names.size() > 1 && !let->value.steps.empty() &&
                             let->value.steps.back().path.Text() == "split";
        if (is_half) diagnostic.help = "to keep one half only, write `filter(…)`";
      }
    }
  }

  /// In the order of the signature.
  std::optional<Tables> ReturnTables(const FlowInfo& flow, const ast::Return& returned,
                                     const Frame& frame, Instantiation& instantiate) {
    const std::optional<std::vector<size_t>> order =
        OrderOfResults(flow, returned, frame.diagnostics);
    if (!order) return std::nullopt;
    Tables results(flow.results.size());
    bool is_fine = true;
    for (size_t i = 0; i < returned.values.size(); ++i) {
      const ast::Pipeline& pipeline = returned.values[i].value;
      std::optional<Table> result;
      if (std::optional<Tables> value = CheckPipeline(pipeline, frame)) {
        result = ReturnTable(flow, (*order)[i], *value, pipeline.range, frame, instantiate);
      }
      is_fine &= result.has_value();
      if (result) results[(*order)[i]] = *std::move(result);
    }
    if (!is_fine) return std::nullopt;
    return results;
  }

  std::optional<Table> ReturnTable(const FlowInfo& flow, size_t index, const Tables& value,
                                   SourceRange where, const Frame& frame,
                                   Instantiation& instantiate) {
    const FlowResult& wanted = flow.results[index];
    if (value.size() == 1)
      return FitResult(wanted, value.front(), where, IsInDefinition(), ScopeOf(frame), instantiate);
    frame.diagnostics.Add(
        DiagnosticKind::kBadArguments, where,
        (wanted.name.empty() ? "a flow returns one table" : "one table is wanted here") +
            (", " + SeveralTables(value)));
    return std::nullopt;
  }

  // --- pipelines ---

  std::optional<Tables> CheckPipeline(const ast::Pipeline& pipeline, const Frame& frame) {
    std::optional<Tables> tables = CheckHead(pipeline.head, frame);
    if (tables) NoteTable(pipeline.head.range, tables->front());
    return CheckChain(pipeline.steps, std::move(tables), frame);
  }

  // --- facts for editors, of the definition being checked ---

  Facts* FactsToFill() const { return IsInDefinition() ? Here().facts : nullptr; }

  void NoteTable(SourceRange name, const Table& table) {
    if (Facts* facts = FactsToFill()) {
      facts->named.push_back({name, facts->AddTable(table, builder_)});
    }
  }

  std::optional<Tables> CheckAndNote(const ast::Step& step, const Table& input,
                                     const Frame& frame) {
    Facts* facts = FactsToFill();
    if (facts == nullptr) return CheckStep(step, input, frame);
    const size_t noted = facts->steps.size();
    facts->steps.push_back({step.range, facts->AddTable(input, builder_), {}});
    std::optional<Tables> tables = CheckStep(step, input, frame);
    if (!tables) return tables;
    for (const Table& table : *tables) {
      facts->steps[noted].after.push_back(facts->AddTable(table, builder_));
    }
    return tables;
  }

  /// One step after the other, from `tables` on.
  std::optional<Tables> CheckChain(const std::vector<ast::Step>& steps,
                                   std::optional<Tables> tables, const Frame& frame) {
    for (const ast::Step& step : steps) {
      if (!tables) return std::nullopt;  // what follows a mistake is not looked at
      if (tables->size() != 1) {
        frame.diagnostics
            .Add(DiagnosticKind::kBadArguments, step.range, SeveralTables(*tables) + ", name them")
            .help = HowToName(*tables);
        return std::nullopt;
      }
      tables = CheckAndNote(step, tables->front(), frame);
    }
    if (tables && tables->front().group_keys) {
      ReportLoneGroups(tables->front().made, frame);
      return std::nullopt;
    }
    return tables;
  }

  static void ReportLoneGroups(SourceRange where, const Frame& frame) {
    frame.diagnostics.Add(DiagnosticKind::kBadArguments, where, "`groupby` is followed by `agg`")
        .help = "groupby(cam) |> agg(n = count())";
  }

  std::optional<Tables> CheckHead(const ast::Expr& head, const Frame& frame) {
    if (head.kind == ast::Expr::Kind::kName) {
      const auto found = frame.tables.find(head.text);
      if (found != frame.tables.end()) {
        frame.used.insert(head.text);
        if (!found->second || !IsInReach(head, frame)) return std::nullopt;
        return Tables{*found->second};
      }
      ReportUnknownTable(head, frame);
      return std::nullopt;
    }
    const std::optional<std::string> callee =
        head.kind == ast::Expr::Kind::kCall ? ColumnName(head.children.front()) : std::nullopt;
    if (!callee) {
      if (IsChainOfMethods(head, frame)) return std::nullopt;
      frame.diagnostics
          .Add(DiagnosticKind::kNotAnExpression, head.range, "a pipeline begins with a table")
          .help = "name a table, or call `union(…)` or a flow";
      return std::nullopt;
    }
    if (!TakesTables(*callee, head.children.front().range, frame)) return std::nullopt;
    std::optional<Tables> arguments = CheckTableArguments(head.args, *callee == "join", frame);
    if (!arguments) return std::nullopt;
    const auto hints = builder_.hints.Enter(Here().hints, head.children.front().range.begin);
    return Apply(*callee, head.range, head.args, *std::move(arguments), frame);
  }

  /// A branch of a step sees the rows that come into the step, no other table.
  bool IsInReach(const ast::Expr& table, const Frame& frame) {
    if (frame.branch_depth == builder_.branch_depth()) return true;
    frame.diagnostics
        .Add(DiagnosticKind::kBadArguments, table.range,
             "`" + table.text +
                 "` is another table: steps inside of `rescue` and `anyof` work on " +
                 "the rows that come to them")
        .help = "join or unite the tables before or after that step";
    return false;
  }

  void ReportUnknownTable(const ast::Expr& head, const Frame& frame) {
    if (Here().IsBroken(head.text)) return;
    std::vector<std::string> known;
    for (const auto& [name, table] : frame.tables) known.push_back(name);
    frame.diagnostics
        .Add(DiagnosticKind::kUnknownName, head.range, "no table `" + head.text + "` here")
        .SuggestName(head.text, known);
  }

  /// Each argument is a pipeline that gives one table, or an option, where there may be some.
  std::optional<Tables> CheckTableArguments(const std::vector<ast::Arg>& args, bool has_options,
                                            const Frame& frame) {
    Tables tables;
    bool is_fine = true;
    for (const ast::Arg& arg : args) {
      if (has_options && arg.kind == ast::Arg::Kind::kOption) continue;
      if (arg.kind != ast::Arg::Kind::kPositional) {
        frame.diagnostics.Add(DiagnosticKind::kBadArguments, arg.range, "a table is wanted here");
        is_fine = false;
        continue;
      }
      std::optional<Tables> value = CheckPipeline(arg.value, frame);
      if (value && value->size() == 1) {
        tables.push_back(std::move(value->front()));
        continue;
      }
      if (value) {
        frame.diagnostics.Add(DiagnosticKind::kBadArguments, arg.range,
                              "one table is wanted here, " + SeveralTables(*value));
      }
      is_fine = false;
    }
    if (!is_fine) return std::nullopt;
    return tables;
  }

  static std::optional<Tables> One(std::optional<Table> table) {
    if (!table) return std::nullopt;
    return Tables{*std::move(table)};
  }

  std::optional<Tables> CheckStep(const ast::Step& step, const Table& input, const Frame& frame) {
    const StepScope scope = ScopeOf(frame);
    if (!IsGuarded(step, scope)) return CheckPlainStep(step, input, frame);
    return One(CheckGuarded(step, input, scope, [&](const ast::Step& inner, const Table& rows) {
      return &inner == &step ? CheckPlainStep(inner, rows, frame)
                             : CheckAndNote(inner, rows, frame);
    }));
  }

  /// Without what guards it.
  std::optional<Tables> CheckPlainStep(const ast::Step& step, const Table& input,
                                       const Frame& frame) {
    const std::string op = step.path.Text();
    const StepScope scope = ScopeOf(frame);
    auto hints = builder_.hints.Enter(Here().hints, step.path.range.begin);
    if (input.group_keys && op != "agg") {
      ReportLoneGroups(step.path.range, frame);
      return std::nullopt;
    }
    if (op == "map") return One(CheckMap(step, input, scope));
    if (op == "select") return One(CheckSelect(step, input, scope));
    if (op == "derive") return One(CheckDerive(step, input, scope));
    if (op == "omit") return One(CheckOmit(step, input, scope));
    if (op == "filter") return One(CheckFilter(step, input, scope));
    if (op == "split") return CheckSplit(step, input, scope);
    if (op == "route") return One(CheckBranches(step, input, frame));
    if (op == "anyof") {
      return One(CheckAnyof(step, input, scope,
                            [&](const std::vector<ast::Step>& chain, const Table& rows) {
                              return CheckChain(chain, Tables{rows}, frame);
                            }));
    }
    if (op == "sort") return One(CheckSort(step, input, scope));
    if (op == "limit") return One(CheckLimit(step, input, scope));
    if (op == "explode") return One(CheckExplode(step, input, scope));
    if (op == "groupby") return One(CheckGroupBy(step, input, scope));
    if (op == "agg") return One(CheckAgg(step, input, scope));
    if (op == "fail") return One(CheckFail(step, input, scope));
    if (op == "drop") return One(CheckDrop(step, input, scope));
    if (op == "lookup") return One(CheckLookup(step, input, scope));
    // The name first: an operator's arguments are no tables, which is not what is wrong then.
    if (!TakesTables(op, step.path.range, frame) || !CheckForm(step, {}, frame.diagnostics)) {
      return std::nullopt;
    }
    hints.Leave();  // the arguments have hints of their own
    std::optional<Tables> others = CheckTableArguments(step.args, op == "join", frame);
    if (!others) return std::nullopt;
    others->insert(others->begin(), input);
    const auto own_hints = builder_.hints.Enter(Here().hints, step.path.range.begin);
    return Apply(op, step.range, step.args, *std::move(others), frame);
  }

  /// `route`: each branch has its steps, and their rows come together again.
  std::optional<Table> CheckBranches(const ast::Step& step, const Table& input,
                                     const Frame& frame) {
    const std::optional<Tables> ways = CheckRoute(step, input, ScopeOf(frame));
    if (!ways) return std::nullopt;
    Tables ends;
    bool is_fine = true;
    for (size_t i = 0; i < ways->size(); ++i) {
      std::optional<Tables> end = CheckChain(step.branches[i].chain, Tables{(*ways)[i]}, frame);
      if (end && end->size() == 1) {
        ends.push_back(std::move(end->front()));
        continue;
      }
      if (end) {
        frame.diagnostics.Add(DiagnosticKind::kBadArguments, step.branches[i].range,
                              "a branch ends with one table, " + SeveralTables(*end));
      }
      is_fine = false;
    }
    if (!is_fine) return std::nullopt;
    std::vector<std::string> names;
    for (const ast::Branch& branch : step.branches) {
      names.push_back("`" + (branch.when ? dsl::PrintExpr(*branch.when) : "else") + "`");
    }
    return CheckUnion(step.path.range, "route", ends, ScopeOf(frame), names);
  }

  bool IsLater(const std::string& op, SourceRange where, const Frame& frame) {
    const auto& later = LaterOperators();
    if (Here().HasFlow(op)) return false;
    if (std::find(later.begin(), later.end(), op) == later.end()) return false;
    frame.diagnostics.Add(DiagnosticKind::kNotImplemented, where,
                          "`" + op + "` is not in this edition's engine yet");
    return true;
  }

  /// Whether `name` is `union` or a flow; what else it may be is reported.
  bool TakesTables(const std::string& name, SourceRange where, const Frame& frame) {
    if (name == "union" || name == "join" || Here().HasFlow(name)) return true;
    if (IsLater(name, where, frame) || Here().IsBroken(name)) return false;
    std::vector<std::string> known = CoreOperators();
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      frame.diagnostics
          .Add(DiagnosticKind::kNotAnExpression, where, "`" + name + "` comes after a table")
          .help = "write `table |> " + name + "(…)`";
      return false;
    }
    if (IsMethodOfTable(name, where, frame)) return false;
    for (const std::string& flow : Here().FlowNames()) known.push_back(flow);
    HelpForUnknownStep(frame.diagnostics.Add(DiagnosticKind::kUnknownName, where,
                                             "no operator or flow `" + name + "`"),
                       name, known);
    return false;
  }

  /// `rows.filter(…)` is how others write `rows |> filter(…)`.
  static bool IsMethodOfTable(const std::string& name, SourceRange where, const Frame& frame) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || !frame.tables.contains(name.substr(0, dot))) return false;
    const std::string table = name.substr(0, dot);
    const std::string step = name.substr(dot + 1);
    frame.used.insert(table);
    frame.diagnostics
        .Add(DiagnosticKind::kNotAnExpression, where, "a table has no members, here `" + step + "`")
        .Fix("steps are joined by `|>`: `" + table + " |> " + step + "(…)`",
             dsl::SpellName(table) + " |> " + dsl::SpellName(step));
    return true;
  }

  /// `rows.map(f).filter(…)`
  static bool IsChainOfMethods(const ast::Expr& head, const Frame& frame) {
    std::vector<dsl::TextEdit> edits;
    const ast::Expr* expr = &head;
    const ast::Expr* first = nullptr;
    while (expr->kind == ast::Expr::Kind::kCall &&
           expr->children.front().kind == ast::Expr::Kind::kMember) {
      first = &expr->children.front();
      expr = &first->children.front();
      edits.push_back({{expr->range.end, first->text_range.begin}, " |> "});
    }
    if (first == nullptr || expr->kind != ast::Expr::Kind::kName) return false;
    if (!frame.tables.contains(expr->text)) return false;
    frame.used.insert(expr->text);
    dsl::Diagnostic& diagnostic =
        frame.diagnostics.Add(DiagnosticKind::kNotAnExpression, first->range,
                              "a table has no members, here `" + first->text + "`");
    diagnostic.help = "steps are joined by `|>`: `" + expr->text + " |> " + first->text + "(…)`";
    diagnostic.edits = {edits.rbegin(), edits.rend()};
    return true;
  }

  /// `union`, `join` or a flow, applied to tables.
  std::optional<Tables> Apply(const std::string& name, SourceRange where,
                              const std::vector<ast::Arg>& args, Tables tables,
                              const Frame& frame) {
    if (name == "join") return One(CheckJoin(where, args, tables, ScopeOf(frame)));
    if (name == "union") {
      if (tables.size() > 1) return One(CheckUnion(where, name, tables, ScopeOf(frame)));
      frame.diagnostics.Add(DiagnosticKind::kBadArguments, where,
                            "`union` takes two tables or more");
      return std::nullopt;
    }
    return ApplyFlow(*Here().FindFlow(name), where, std::move(tables), frame);
  }

  /// `diagnostic.where` is the name.
  void HelpForUnknownStep(dsl::Diagnostic& diagnostic, const std::string& name,
                          const std::vector<std::string>& known) {
    if (Here().functions.contains(name)) {
      diagnostic.Fix("a model or function is applied by `map(" + name + ")`",
                     "map(" + dsl::SpellName(name) + ")");
    } else {
      SuggestOwn(diagnostic, NameKind::kOperator, name, known);
      if (!diagnostic.help.empty()) return;
      diagnostic.help = Suggest(name, CoreOperators()) + ", and flows by their names";
    }
  }

  // --- flows inside flows ---

  std::optional<Tables> ApplyFlow(FlowInfo& flow, SourceRange where, Tables tables,
                                  const Frame& frame) {
    const std::string& name = flow.decl->name.text;
    if (tables.size() != flow.params.size()) {
      frame.diagnostics.Add(DiagnosticKind::kBadArguments, where,
                            "`" + name + "` takes " + std::to_string(flow.params.size()) +
                                (flow.params.size() == 1 ? " table" : " tables") + ", found " +
                                std::to_string(tables.size()));
      return std::nullopt;
    }
    if (ReportRecursion(flow, where)) return std::nullopt;
    CheckDefinition(flow, stack_, catalog_, root_diagnostics_);
    if (flow.is_broken || ReportSize(where)) return std::nullopt;
    Instantiation instantiate(builder_.dims, Instantiation::Kind::kFlexible);
    std::vector<Table> inputs;
    Table caller;  // what of the caller's columns may pass
    for (size_t i = 0; i < tables.size(); ++i) {
      std::optional<Table> input =
          FitArgument(flow, i, tables[i], where, ScopeOf(frame), instantiate);
      if (!input) return std::nullopt;
      if (flow.params[i].rows.is_open()) caller = ExtraColumns(flow.params[i].rows, tables[i]);
      inputs.push_back(*std::move(input));
    }
    dsl::Diagnostics said;
    stack_.push_back(&flow);
    std::optional<Tables> results = Body(flow, inputs, instantiate, said);
    stack_.pop_back();
    if (!results) return ReportMisfit(name, said, where, frame);
    for (size_t i = 0; i < results->size(); ++i) {
      std::optional<Table> result =
          ReturnToCaller(flow, i, std::move((*results)[i]), caller, where, frame.diagnostics);
      if (!result) return std::nullopt;
      (*results)[i] = *std::move(result);
    }
    return results;
  }

  bool ReportRecursion(const FlowInfo& flow, SourceRange where) {
    const auto found = std::find(stack_.begin(), stack_.end(), &flow);
    if (found == stack_.end()) return false;
    std::string cycle;
    for (auto it = found; it != stack_.end(); ++it) cycle += (*it)->decl->name.text + " → ";
    root_diagnostics_
        .Add(DiagnosticKind::kRecursiveFlow, where,
             "flow `" + flow.decl->name.text + "` applies itself: " + cycle + flow.decl->name.text)
        .notes.push_back({flow.decl->name.range, "declared here"});
    return true;
  }

  bool ReportSize(SourceRange where) {
    if (stack_.size() == root_depth_) application_ = where;
    if (builder_.num_stages() < kMaxStages) return false;
    root_diagnostics_.Add(DiagnosticKind::kBadArguments, application_,
                          "with the flows it applies this is a plan of more than " +
                              std::to_string(kMaxStages) + " stages");
    return true;
  }

  /// The body is right by itself, but not on these rows: the signature left open (`_`) what it
  /// asks for.
  static std::nullopt_t ReportMisfit(const std::string& name, const dsl::Diagnostics& said,
                                     SourceRange where, const Frame& frame) {
    for (const dsl::Diagnostic& inside : said.Sorted()) {
      if (dsl::InfoOf(inside.kind).severity != dsl::Severity::kError) continue;
      frame.diagnostics
          .Add(inside.kind, where, "`" + name + "` does not take these rows: " + inside.message)
          .notes.push_back({inside.where, "in here"});
      break;
    }
    return std::nullopt;
  }

 private:
  const engine::Catalog& catalog_;
  PlanBuilder& builder_;
  dsl::Diagnostics& root_diagnostics_;  // a cycle of flows is said even from inside an applied one
  bool is_definition_;
  size_t root_depth_;
  Flows stack_;              // flows under way, outermost first
  SourceRange application_;  // in the outermost body: of the flow that is looked into
};

/// Checks a flow against its own signature, once: later calls do nothing. `under_way` are the
/// flows whose definitions apply it.
void CheckDefinition(FlowInfo& flow, Flows under_way, const engine::Catalog& catalog,
                     dsl::Diagnostics& diagnostics) {
  if (flow.is_checked || flow.is_broken) return;
  flow.is_checked = true;
  if (!CheckOpenTables(flow, diagnostics)) {
    flow.is_broken = true;
    return;
  }
  PlanBuilder scratch;
  under_way.push_back(&flow);
  FlowChecker checker(std::move(under_way), true, catalog, scratch, diagnostics);
  Instantiation rigid(scratch.dims, Instantiation::Kind::kRigid);
  const std::vector<Table> inputs = checker.InputsOf(flow, rigid);
  flow.is_broken = !checker.Body(flow, inputs, rigid, diagnostics);
}

/// What the flow takes and gives, as the plan has it.
void AddTables(const FlowInfo& flow, const Tables& inputs, const Tables& results,
               LogicalPlan& plan) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const FlowParam& param = flow.params[i];
    plan.inputs.push_back({param.name, inputs[i].Ids(), inputs[i].Names()});
    for (const DeclaredColumn& column : param.rows.columns) {
      if (!column.default_value) continue;
      plan.inputs.back().defaults.emplace_back(column.name, *column.default_value);
    }
  }
  for (size_t i = 0; i < results.size(); ++i) {
    PlanResult result{flow.results[i].name, results[i].port, {}};
    for (const TableColumn& column : results[i].columns) {
      result.columns.emplace_back(column.name, column.id);
    }
    plan.results.push_back(std::move(result));
  }
}

}  // namespace

void CheckFlows(Declarations& declarations, const engine::Catalog& catalog,
                dsl::Diagnostics& diagnostics) {
  for (const std::string& name : declarations.flow_order) {
    CheckDefinition(declarations.flows.at(name), {}, catalog, diagnostics);
  }
}

std::optional<LogicalPlan> PlanFlow(const std::string& name, Declarations& declarations,
                                    const engine::Catalog& catalog, dsl::Diagnostics& diagnostics) {
  const FlowInfo* found = declarations.FindFlow(name);
  if (found == nullptr || found->is_broken) return std::nullopt;
  const FlowInfo& flow = *found;
  if (!CanRunItself(flow, diagnostics)) return std::nullopt;
  PlanBuilder builder;
  dsl::Diagnostics said_before;  // when the definition was checked
  FlowChecker checker({&flow}, false, catalog, builder, said_before);
  Instantiation rigid(builder.dims, Instantiation::Kind::kRigid);
  const std::vector<Table> inputs = checker.InputsOf(flow, rigid);
  const std::optional<Tables> results = checker.Body(flow, inputs, rigid, said_before);
  if (!results) return std::nullopt;
  LogicalPlan plan = std::move(builder.plan);
  plan.flow = name;
  const auto hints = builder.hints.Enter(flow.home->hints, flow.decl->name.range.begin);
  plan.slo = builder.hints.OfFlow();
  AddTables(flow, inputs, *results, plan);
  NameDims(plan, builder.dims);
  RemoveUnread(plan.stages, plan.Outputs());  // a table that is named and never used
  return plan;
}

}  // namespace raceway::compiler
