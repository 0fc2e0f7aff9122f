#include "compiler/testing/check_tests.h"

#include <algorithm>
#include <set>
#include <variant>

#include "compiler/check/dims.h"
#include "compiler/check/row_types.h"
#include "compiler/testing/values.h"
#include "dsl/print.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using ExprKind = ast::Expr::Kind;
using Kind = ValueType::Kind;

/// `flow(table, other)` or `table |> flow(other)`
struct Application {
  ast::Name flow;
  std::vector<ast::Name> inputs;
};

/// Adds the tables that the arguments name; whether that is all they are.
bool AddInputs(const std::vector<ast::Arg>& args, std::vector<ast::Name>& inputs) {
  for (const ast::Arg& arg : args) {
    const bool is_name = arg.kind == ast::Arg::Kind::kPositional && arg.value.steps.empty() &&
                         !arg.value.with && arg.value.head.kind == ExprKind::kName;
    if (!is_name) return false;
    inputs.push_back({arg.value.head.text, arg.value.head.range});
  }
  return !inputs.empty();
}

std::optional<Application> ApplicationOf(const ast::Pipeline& pipeline) {
  const ast::Expr& head = pipeline.head;
  if (pipeline.with) return std::nullopt;
  Application applied;
  if (head.kind == ExprKind::kName && pipeline.steps.size() == 1) {
    const ast::Step& step = pipeline.steps.front();
    const bool is_plain = step.branches.empty() && !step.as && !step.with && step.rescue.empty();
    applied.flow = {step.path.Text(), step.path.range};
    applied.inputs = {{head.text, head.range}};
    if (!is_plain || !AddInputs(step.args, applied.inputs)) return std::nullopt;
    return applied;
  }
  if (head.kind != ExprKind::kCall || !pipeline.steps.empty()) return std::nullopt;
  const ast::Expr& callee = head.children.front();
  const bool is_path = callee.kind == ExprKind::kName || callee.kind == ExprKind::kMember;
  applied.flow = {dsl::PrintExpr(callee), callee.range};
  if (!is_path || !AddInputs(head.args, applied.inputs)) return std::nullopt;
  return applied;
}

engine::Schema SchemaOf(const std::vector<DeclaredColumn>& columns) {
  std::vector<engine::Field> fields;
  fields.reserve(columns.size());
  for (const DeclaredColumn& column : columns) fields.push_back({column.name, column.type});
  return engine::Schema(std::move(fields));
}

/// One test of a file.
class TestChecker {
 public:
  TestChecker(const ast::TestDecl& decl, const Declarations& declarations)
      : decl_(decl), declarations_(declarations), scope_{declarations, {}, {}, diagnostics_} {}

  TestCase Run(dsl::Diagnostics& diagnostics) {
    test_.title = decl_.title;
    test_.range = decl_.range;
    test_.parameters = declarations_.params;
    bool expects = false;
    for (const ast::TestStmt& stmt : decl_.body) {
      switch (stmt.kind) {
        case ast::TestStmt::Kind::kStub: Stub(stmt); break;
        case ast::TestStmt::Kind::kGiven: Given(stmt); break;
        case ast::TestStmt::Kind::kLet: Let(*stmt.let); break;
        case ast::TestStmt::Kind::kExpect: Expect(stmt), expects = true; break;
      }
    }
    if (!expects) {
      Report(DiagnosticKind::kBadArguments, decl_.range, "the test expects nothing").help =
          "expect count(out) == 1";
    }
    WarnOfUnused();
    for (TestStep& step : test_.steps) {
      auto* run = std::get_if<TestRun>(&step);
      if (run == nullptr) continue;
      run->may_fail = std::any_of(run->tables.begin(), run->tables.end(),
                                  [&](const std::string& table) { return scope_.runs.at(table); });
    }
    test_.is_broken |= diagnostics_.has_errors();
    diagnostics.AppendOfTest(diagnostics_);
    return std::move(test_);
  }

 private:
  dsl::Diagnostic& Report(DiagnosticKind kind, SourceRange where, std::string message) {
    return diagnostics_.Add(kind, where, std::move(message));
  }

  // --- stub ---

  void Stub(const ast::TestStmt& stmt) {
    const std::string name = stmt.stub.Text();
    const auto [first, is_new] = stubbed_.try_emplace(name, stmt.stub.range);
    if (!is_new) {
      Report(DiagnosticKind::kDuplicateName, stmt.stub.range, "`" + name + "` has a stub already")
          .notes.push_back({first->second, "first here"});
      return;
    }
    const auto store = declarations_.stores.find(name);
    if (store != declarations_.stores.end()) return StubStore(store->second, name, stmt.expr);
    const auto function = declarations_.functions.find(name);
    if (function == declarations_.functions.end()) {
      test_.is_broken = true;
      if (!declarations_.IsBroken(name)) ReportNoFunction(name, stmt.stub.range);
      return;
    }
    const std::string whose = "an answer of `" + name + "`";
    if (stmt.expr.kind == ExprKind::kList) {
      for (const ast::Expr& answer : stmt.expr.children) {
        Answer(answer, function->second.results, whose);
      }
    } else {
      Answer(stmt.expr, function->second.results, whose);
    }
    test_.stubs.push_back({name, stmt.expr});
  }

  /// All rows that the store has, or what it has for whatever key.
  void StubStore(const Store& store, const std::string& name, const ast::Expr& expr) {
    if (expr.kind == ExprKind::kRecord) {
      CheckRow(expr, store.results, "an answer of `" + name + "`", scope_);
    } else {
      std::vector<DeclaredColumn> columns = {store.key};
      columns.insert(columns.end(), store.results.begin(), store.results.end());
      CheckRows(expr, columns, "a row of `" + name + "`", scope_);
    }
    test_.stubs.push_back({name, expr, true});
  }

  void ReportNoFunction(const std::string& name, SourceRange where) {
    std::vector<std::string> known;
    for (const auto& [other, function] : declarations_.functions) known.push_back(other);
    for (const auto& [other, store] : declarations_.stores) known.push_back(other);
    dsl::Diagnostic& diagnostic =
        Report(DiagnosticKind::kUnknownName, where, "no model, function or store `" + name + "`");
    diagnostic.help = Suggest(name, known);
    if (declarations_.HasFlow(name)) {
      diagnostic.help = "a flow runs as it is; stub the models and functions in it";
    }
  }

  /// A row, `slow(2s, row)` or `fails("why")`.
  void Answer(const ast::Expr& expr, const std::vector<DeclaredColumn>& columns,
              const std::string& whose) {
    if (IsCallOf(expr, "fails")) {
      const ast::Expr* why = OnlyArgument(expr, scope_);
      if (why != nullptr && why->kind != ExprKind::kString) {
        Report(DiagnosticKind::kBadArguments, why->range, "`fails` takes the reason in quotes");
      }
      return;
    }
    if (!IsCallOf(expr, "slow")) return CheckRow(expr, columns, whose, scope_);
    const auto is_plain = [](const ast::Arg& arg) {
      return arg.kind == ast::Arg::Kind::kPositional && arg.value.steps.empty() && !arg.value.with;
    };
    if (expr.args.size() != 2 || !std::all_of(expr.args.begin(), expr.args.end(), is_plain)) {
      Report(DiagnosticKind::kBadArguments, expr.range,
             "`slow` takes how long it takes, and the answer")
          .help = "slow(2s, { … })";
      return;
    }
    const ast::Expr& time = expr.args[0].value.head;
    const ValueType type = CheckValue(time, scope_);
    if (type.kind != Kind::kDuration && !type.is_unknown()) {
      Report(DiagnosticKind::kTypeMismatch, time.range,
             "`slow` wants a duration first, this is " + Describe(type))
          .help = "slow(2s, { … })";
    }
    const ast::Expr& answer = expr.args[1].value.head;
    if (IsCallOf(answer, "slow")) {
      Report(DiagnosticKind::kBadArguments, answer.range, "`slow` stands here twice");
      return;
    }
    Answer(answer, columns, whose);
  }

  // --- given ---

  bool IsFree(const ast::Name& name) {
    if (!scope_.tables.contains(name.text)) return true;
    Report(DiagnosticKind::kDuplicateName, name.range,
           "the table `" + name.text + "` is there already");
    return false;
  }

  void Given(const ast::TestStmt& stmt) {
    if (!IsFree(stmt.name)) return;
    given_.push_back(stmt.name);
    ValueType& table = scope_.tables[stmt.name.text];  // unknown until all is well
    std::optional<RowType> rows = RowsOf(stmt);
    if (!rows) return;
    if (rows->is_open()) {
      Report(DiagnosticKind::kTypeMismatch, rows->range,
             "a table has exactly its columns, no `...`");
      return;
    }
    CheckRows(stmt.expr, rows->columns, "a row of `" + stmt.name.text + "`", scope_);
    table.kind = Kind::kTable;
    table.columns = rows->columns;
    TestGiven given{stmt.name.text, SchemaOf(rows->columns), stmt.expr, {}};
    for (const DeclaredColumn& column : rows->columns) {
      if (column.default_value) given.defaults.emplace_back(column.name, *column.default_value);
    }
    test_.steps.emplace_back(std::move(given));
  }

  /// What `given` says, else what the flow takes that gets the table.
  std::optional<RowType> RowsOf(const ast::TestStmt& stmt) {
    if (stmt.type) {
      std::optional<RowType> rows =
          TypeResolver(declarations_, diagnostics_).ResolveRows(*stmt.type);
      test_.is_broken |= !rows.has_value();
      return rows;
    }
    for (const ast::TestStmt& other : decl_.body) {
      if (other.kind != ast::TestStmt::Kind::kLet) continue;
      const std::optional<Application> applied = ApplicationOf(other.let->value);
      if (!applied) continue;
      const auto is_it = [&](const ast::Name& input) { return input.text == stmt.name.text; };
      const auto place = std::find_if(applied->inputs.begin(), applied->inputs.end(), is_it);
      if (place == applied->inputs.end()) continue;
      const auto index = static_cast<size_t>(place - applied->inputs.begin());
      const FlowInfo* flow = declarations_.FindFlow(applied->flow.text);
      const bool is_known = flow != nullptr && !flow->is_broken && index < flow->params.size() &&
                            !flow->params[index].rows.is_open();
      if (is_known) return flow->params[index].rows;
      return std::nullopt;  // `Let` says why
    }
    Report(DiagnosticKind::kTypeMismatch, stmt.name.range,
           "the columns of `" + stmt.name.text + "` are not known")
        .help = "write `given " + stmt.name.text + ": Schema = …`, or give it to a flow";
    return std::nullopt;
  }

  void WarnOfUnused() {
    for (const ast::Name& name : given_) {
      if (used_.contains(name.text) || scope_.tables.at(name.text).is_unknown()) continue;
      Report(DiagnosticKind::kUnusedTable, name.range,
             "the table `" + name.text + "` goes into no flow");
    }
  }

  // --- let ---

  void Let(const ast::Let& let) {
    bool is_fine = true;
    for (const ast::Name& name : let.names) {
      is_fine &= IsFree(name);
      scope_.tables[name.text];  // unknown until all is well
      scope_.runs[name.text] = false;
    }
    if (!is_fine) return;
    const std::optional<Application> applied = ApplicationOf(let.value);
    if (!applied) {
      Report(DiagnosticKind::kBadArguments, let.range, "a test runs one flow on tables").help =
          "let out = flow(table)";
      return;
    }
    for (const ast::Name& input : applied->inputs) used_.insert(input.text);
    const FlowInfo* flow = FindFlow(applied->flow);
    if (flow == nullptr || !AreNamed(*flow, let) || !Fits(*flow, *applied)) return;
    TestRun run;
    for (size_t i = 0; i < let.names.size(); ++i) {
      ValueType& table = scope_.tables[let.names[i].text];
      table.kind = Kind::kTable;
      table.columns = flow->results[i].rows.columns;
      run.tables.push_back(let.names[i].text);
    }
    run.flow = applied->flow.text;
    for (const ast::Name& input : applied->inputs) run.inputs.push_back(input.text);
    run.range = let.range;
    test_.steps.emplace_back(std::move(run));
  }

  /// Whether there is a name for each table that the flow gives.
  bool AreNamed(const FlowInfo& flow, const ast::Let& let) {
    if (flow.results.size() == let.names.size()) return true;
    const auto tables = [](size_t number) {
      return std::to_string(number) + (number == 1 ? " table" : " tables");
    };
    std::string names;
    for (const FlowResult& result : flow.results) {
      names += (names.empty() ? "" : ", ") + (result.name.empty() ? "out" : result.name);
    }
    Report(
        DiagnosticKind::kBadArguments, let.names.front().range,
        "`" + flow.decl->name.text + "` gives " + tables(flow.results.size()) +
            (let.names.size() == 1 ? ", here is one name"
                                   : ", here are " + std::to_string(let.names.size()) + " names"))
        .help = flow.results.size() == 1 ? "let " + names + " = …" : "let (" + names + ") = …";
    return false;
  }

  /// A flow of the file that can be run by itself; else null.
  const FlowInfo* FindFlow(const ast::Name& name) {
    const FlowInfo* found = declarations_.FindFlow(name.text);
    if (found == nullptr) {
      if (declarations_.IsBroken(name.text)) {
        test_.is_broken = true;
        return nullptr;
      }
      if (declarations_.imported_flows.contains(name.text)) {
        Report(DiagnosticKind::kBadArguments, name.range,
               "`" + name.text + "` is a flow of another file, its tests belong there")
            .help = "test a flow that applies it";
        return nullptr;
      }
      Report(DiagnosticKind::kUnknownName, name.range, "no flow `" + name.text + "`").help =
          Suggest(name.text, declarations_.FlowNames());
      return nullptr;
    }
    const FlowInfo& flow = *found;
    if (flow.is_broken) {
      test_.is_broken = true;
      return nullptr;
    }
    const auto is_open = [](const FlowParam& param) { return param.rows.is_open(); };
    if (std::none_of(flow.params.begin(), flow.params.end(), is_open)) return &flow;
    Report(DiagnosticKind::kBadArguments, name.range,
           "`" + name.text + "` takes rows with more columns (`...`), it is not run by itself")
        .help = "test a flow that applies it";
    return nullptr;
  }

  /// Whether the tables have the columns that the flow takes.
  bool Fits(const FlowInfo& flow, const Application& applied) {
    for (const ast::Name& input : applied.inputs) used_.insert(input.text);
    if (flow.params.size() != applied.inputs.size()) {
      Report(DiagnosticKind::kBadArguments, applied.flow.range,
             "`" + applied.flow.text + "` takes " + std::to_string(flow.params.size()) +
                 (flow.params.size() == 1 ? " table" : " tables") + ", found " +
                 std::to_string(applied.inputs.size()));
      return false;
    }
    Dims dims;
    Instantiation of_flow(dims, Instantiation::Kind::kFlexible);
    bool is_fine = true;
    for (size_t i = 0; i < applied.inputs.size(); ++i) {
      is_fine &= Fits(flow.params[i].rows, applied.flow, applied.inputs[i], dims, of_flow);
    }
    return is_fine;
  }

  bool Fits(const RowType& wanted, const ast::Name& flow, const ast::Name& table, Dims& dims,
            Instantiation& of_flow) {
    const auto input = scope_.tables.find(table.text);
    if (input == scope_.tables.end()) {
      std::vector<std::string> known;
      for (const auto& [other, type] : scope_.tables) {
        if (type.kind == Kind::kTable) known.push_back(other);
      }
      Report(DiagnosticKind::kUnknownName, table.range, "no table `" + table.text + "` here").help =
          Suggest(table.text, known);
      return false;
    }
    if (input->second.is_unknown()) return false;
    const std::vector<DeclaredColumn>& found = input->second.columns;
    Instantiation of_table(dims, Instantiation::Kind::kFlexible);
    for (const DeclaredColumn& column : wanted.columns) {
      const auto same = std::find_if(found.begin(), found.end(), [&](const DeclaredColumn& other) {
        return other.name == column.name;
      });
      const bool is_there = same != found.end();
      if (is_there && UnifyTypes(dims, of_flow(column.type), of_table(same->type)).text.empty()) {
        continue;
      }
      Report(
          is_there ? DiagnosticKind::kTypeMismatch : DiagnosticKind::kMissingColumn, table.range,
          "`" + flow.text + "` wants `" + column.name + ": " + ToString(column.type) + "`, `" +
              table.text + "` has " +
              (is_there ? "`" + same->name + ": " + ToString(same->type) + "`" : "no such column"))
          .notes.push_back({column.range, "wanted here"});
      return false;
    }
    for (const DeclaredColumn& column : found) {
      const auto is_it = [&](const DeclaredColumn& other) { return other.name == column.name; };
      if (std::any_of(wanted.columns.begin(), wanted.columns.end(), is_it)) continue;
      Report(DiagnosticKind::kTypeMismatch, table.range,
             "`" + flow.text + "` takes exactly its columns, `" + table.text + "` has `" +
                 column.name + "` too");
      return false;
    }
    return true;
  }

  // --- expect ---

  void Expect(const ast::TestStmt& stmt) {
    const ValueType type = CheckValue(stmt.expr, scope_);
    if (!type.is_unknown() && type.kind != Kind::kBool) {
      Report(DiagnosticKind::kTypeMismatch, stmt.expr.range,
             "what is expected is a condition, this is " + Describe(type));
    }
    TestExpect expect{stmt.expr, std::nullopt};
    const bool is_table = stmt.expr.kind == ExprKind::kBinary && stmt.expr.text == "==" &&
                          stmt.expr.children[0].kind == ExprKind::kName &&
                          scope_.runs.contains(stmt.expr.children[0].text) &&
                          stmt.expr.children[1].kind == ExprKind::kList;
    if (is_table) expect.rows = stmt.expr.children[1].range;
    test_.steps.emplace_back(std::move(expect));
  }

  const ast::TestDecl& decl_;
  const Declarations& declarations_;
  dsl::Diagnostics diagnostics_;
  TestScope scope_;
  TestCase test_;
  std::map<std::string, SourceRange> stubbed_;
  std::vector<ast::Name> given_;
  std::set<std::string> used_;
};

}  // namespace

std::vector<TestCase> CheckTests(const ast::File& file, const Declarations& declarations,
                                 dsl::Diagnostics& diagnostics) {
  std::vector<TestCase> tests;
  std::map<std::string, SourceRange> titles;
  for (const ast::Item& item : file.items) {
    const auto* decl = std::get_if<ast::TestDecl>(&item);
    if (decl == nullptr) continue;
    const auto [first, is_new] = titles.try_emplace(decl->title, decl->range);
    if (!is_new) {
      dsl::Diagnostics twice;
      twice
          .Add(DiagnosticKind::kDuplicateName, decl->range,
               "a test \"" + decl->title + "\" is there already")
          .notes.push_back({first->second, "first here"});
      diagnostics.AppendOfTest(twice);
    }
    tests.push_back(TestChecker(*decl, declarations).Run(diagnostics));
    tests.back().is_broken |= !is_new;
  }
  return tests;
}

namespace {

/// Whether two declarations are of one function.
bool AreSame(FunctionSpec a, const FunctionSpec& b) {
  a.name = b.name;
  return a == b;
}

/// Calls the step's function or store what `declared` calls it.
template <typename Declared>
void NameAs(Step& step, const std::map<std::string, Declared>& declared) {
  const auto known = declared.find(step.function.name);
  if (known != declared.end() && AreSame(step.function, known->second.spec)) return;
  for (const auto& [name, one] : declared) {
    if (!AreSame(step.function, one.spec)) continue;
    step.function.name = name;
    step.label = std::string(NameOf(step.kind)) + "(" + name + ")";
    return;
  }
}

/// Also in the branches of steps that have such.
void NameFunction(Step& step, const Declarations& declarations) {
  for (Branch& branch : step.branches) {
    for (Stage& stage : branch.stages) {
      for (Step& inner : stage.steps) NameFunction(inner, declarations);
    }
  }
  if (step.kind == StepKind::kMap) NameAs(step, declarations.functions);
  if (step.kind == StepKind::kLookup || step.kind == StepKind::kPrefetch) {
    NameAs(step, declarations.stores);
  }
}

}  // namespace

void NameFunctions(LogicalPlan& plan, const Declarations& declarations) {
  for (Stage& stage : plan.stages) {
    for (Step& step : stage.steps) NameFunction(step, declarations);
  }
}

}  // namespace raceway::compiler
