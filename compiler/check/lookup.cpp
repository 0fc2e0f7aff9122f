// The rule of `lookup`: the row and what a store has for its key.
#include <algorithm>
#include <utility>

#include "compiler/check/nulls.h"
#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::Expression;
using engine::Type;
using engine::Value;

constexpr std::string_view kExample = "lookup(users, key: user, miss: null)";

const Store* FindStore(const ast::Step& step, const StepScope& scope) {
  const ast::Expr* name = step.args.empty() ? nullptr : PlainExpression(step.args.front());
  if (name == nullptr || name->kind != ast::Expr::Kind::kName) {
    Bad(step.range, "`lookup` takes a store of the file first", std::string(kExample), scope);
    return nullptr;
  }
  const auto found = scope.declarations.stores.find(name->text);
  if (found != scope.declarations.stores.end()) return &found->second;
  if (scope.declarations.IsBroken(name->text)) return nullptr;
  std::vector<std::string> known;
  for (const auto& [other, store] : scope.declarations.stores) known.push_back(other);
  scope.diagnostics.Add(DiagnosticKind::kUnknownName, name->range, "no store `" + name->text + "`")
      .help = dsl::DidYouMeanText(name->text, known);
  return nullptr;
}

struct Options {
  const ast::Arg* key = nullptr;
  std::string miss = "fail";
};

/// `fail`, `drop` or `null`; empty for anything else, which is reported.
std::string ReadMiss(const ast::Arg& arg, const StepScope& scope) {
  const ast::Expr* miss = &arg.value.head;
  if (miss->kind == ast::Expr::Kind::kNull) return "null";
  if (miss->kind == ast::Expr::Kind::kName && (miss->text == "fail" || miss->text == "drop")) {
    return miss->text;
  }
  Bad(miss->range, "`miss` is `fail`, `drop` or `null`",
      "what becomes of a row whose key the store does not have", scope);
  return "";
}

std::optional<Options> ReadOptions(const ast::Step& step, const StepScope& scope) {
  Options options;
  bool is_fine = true;
  for (size_t i = 1; i < step.args.size(); ++i) {
    const ast::Arg& arg = step.args[i];
    const bool is_option = arg.kind == ast::Arg::Kind::kOption && arg.value.steps.empty();
    if (is_option && arg.key.text == "key") {
      options.key = &arg;
    } else if (is_option && arg.key.text == "miss") {
      options.miss = ReadMiss(arg, scope);
      is_fine &= !options.miss.empty();
    } else {
      scope.diagnostics
          .Add(arg.kind == ast::Arg::Kind::kOption ? DiagnosticKind::kUnknownOption
                                                   : DiagnosticKind::kBadArguments,
               arg.range,
               arg.kind == ast::Arg::Kind::kOption ? "`lookup` has no option `" + arg.key.text + "`"
                                                   : "after the store, `lookup` takes options")
          .help = "its options are `key` and `miss`";
      is_fine = false;
    }
  }
  if (is_fine && options.key == nullptr) {
    Bad(step.range, "`lookup` wants to know by which key", std::string(kExample), scope);
    is_fine = false;
  }
  if (!is_fine) return std::nullopt;
  return options;
}

/// The column of keys; one that is computed is defined by a `derive` in front. Null after a
/// mistake.
std::optional<std::string> Key(const ast::Arg& arg, const Store& store, Table& table,
                               const StepScope& scope) {
  const ast::Expr& expr = arg.value.head;
  Expression key = CheckExpression(expr, On(table, scope), &store.key.type);
  if (key.type.is_unknown()) return std::nullopt;
  if (key.type != store.key.type) {
    dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
        DiagnosticKind::kTypeMismatch, expr.range,
        "`" + store.spec.name + "` is looked up by `" + store.key.name + ": " +
            ToString(store.key.type) + "`, this is " + scope.builder.dims.Show(key.type));
    diagnostic.notes.push_back({store.key.range, "its key is declared here"});
    if (key.type.optional) diagnostic.help = CuresOfNull(expr);
    return std::nullopt;
  }
  if (key.kind == Expression::Kind::kColumn) return key.name;
  Step derive = MakeStep(StepKind::kDerive, expr.range, "derive");
  std::string id = scope.builder.NewColumn("key", key.type, expr.range);
  derive.expressions.push_back({id, std::move(key)});
  derive.outputs = {table.Ids()};
  derive.outputs.front().push_back(id);
  table.port = scope.builder.AddStage("derive", {table.port}, std::move(derive));
  return id;
}

bool AddResults(const ast::Step& step, const Store& store, bool may_be_missing, Step& out,
                Table& table, const StepScope& scope) {
  // What a store has is of whatever size it is.
  Instantiation instantiate(scope.builder.dims, Instantiation::Kind::kOpaque);
  for (const DeclaredColumn& result : store.results) {
    const std::string name = step.as ? step.as->text + "." + result.name : result.name;
    if (const TableColumn* taken = table.Find(name)) {
      dsl::Diagnostic& diagnostic = scope.diagnostics.Add(
          DiagnosticKind::kColumnClash, step.range,
          "`" + store.spec.name + "` gives `" + name + "`, which the row already has");
      diagnostic.notes.push_back(
          {scope.builder.OriginOf(taken->id), "`" + name + "` is from here"});
      diagnostic.help = "keep both: `lookup(" + store.spec.name + ", …) as s` (column `s." +
                        result.name + "`), or take the old one out: `omit(" + name + ")`";
      return false;
    }
    Type type = instantiate(result.type);
    type.optional |= may_be_missing;
    out.results.emplace_back(result.name, scope.builder.NewColumn(name, type, step.range));
    table.columns.push_back({name, out.results.back().second});
  }
  return true;
}

/// [["user", "string"], ["taste", "f32[512]"]]
Value SchemaOf(const Store& store) {
  const auto pair = [](const DeclaredColumn& column) {
    return Value(Value::List{column.name, ToString(column.type)});
  };
  Value::List schema = {pair(store.key)};
  for (const DeclaredColumn& result : store.results) schema.push_back(pair(result));
  return schema;
}

}  // namespace

std::optional<Table> CheckLookup(const ast::Step& step, const Table& input,
                                 const StepScope& scope) {
  if (!CheckForm(step, {.as = true}, scope.diagnostics)) return std::nullopt;
  const Store* store = FindStore(step, scope);
  if (store == nullptr) return std::nullopt;
  const std::optional<Options> options = ReadOptions(step, scope);
  if (!options) return std::nullopt;
  Table table = input;
  const std::optional<std::string> key = Key(*options->key, *store, table, scope);
  if (!key) return std::nullopt;
  Step out = MakeStep(StepKind::kLookup, step.range, "lookup(" + store->spec.name + ")");
  out.function = store->spec;
  out.arguments = {{"key", *key}};
  out.options = {{"miss", options->miss}, {"schema", SchemaOf(*store)}};
  if (!AddResults(step, *store, options->miss == "null", out, table, scope)) return std::nullopt;
  if (options->miss == "drop") {
    table.lineage = input.lineage.Choose({scope.builder.NewNumber(), true});
  }
  Append(table, std::move(out), store->spec.name, scope);
  return table;
}

}  // namespace raceway::compiler
