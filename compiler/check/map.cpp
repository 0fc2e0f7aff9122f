// `map(f, …)`: the row and the results of a model or function.
#include <algorithm>

#include "compiler/check/expressions.h"
#include "compiler/check/nulls.h"
#include "compiler/check/size_checks.h"
#include "compiler/check/step_parts.h"
#include "compiler/check/steps.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using engine::Expression;

class MapChecker {
 public:
  MapChecker(const ast::Step& step, const Table& input, const StepScope& scope)
      : step_(step), scope_(scope), table_(input), checks_(scope.builder) {}

  std::optional<Table> Run() {
    if (!CheckForm(step_, {.as = true}, scope_.diagnostics)) return std::nullopt;
    function_ = FindFunction();
    if (function_ == nullptr || !ReadOptions()) return std::nullopt;
    out_.kind = StepKind::kMap;
    out_.where = step_.range;
    out_.label = "map(" + function_->spec.name + ")";
    out_.function = function_->spec;
    Instantiation instantiate(scope_.builder.dims, Instantiation::Kind::kFlexible);
    bool is_fine = true;
    for (const DeclaredColumn& param : function_->params) is_fine &= Bind(param, instantiate);
    if (!is_fine || !CheckSizes()) return std::nullopt;
    // What only a result names is another size in each application, which nobody knows before.
    instantiate.NewSymbolsAre(Instantiation::Kind::kOpaque);
    for (const DeclaredColumn& result : function_->results) is_fine &= Add(result, instantiate);
    if (!is_fine) return std::nullopt;
    table_.made = step_.range;
    table_.made_by = "`" + out_.label + "`";
    out_.outputs = {table_.Ids()};
    table_.port = scope_.builder.AddStage(function_->spec.name, {table_.port}, std::move(out_));
    return std::move(table_);
  }

 private:
  dsl::Diagnostic& Report(DiagnosticKind kind, SourceRange where, std::string message) {
    return scope_.diagnostics.Add(kind, where, std::move(message));
  }

  const RowFunction* FindFunction() {
    std::optional<std::string> name;
    if (!step_.args.empty()) name = ColumnName(step_.args.front());
    if (!name) {
      Report(DiagnosticKind::kBadArguments, step_.range,
             "`map` takes a model or function of the file first")
          .help = "map(small)";
      return nullptr;
    }
    const auto found = scope_.declarations.functions.find(*name);
    if (found != scope_.declarations.functions.end()) return &found->second;
    if (scope_.declarations.IsBroken(*name)) return nullptr;
    std::vector<std::string> known;
    for (const auto& [other, function] : scope_.declarations.functions) known.push_back(other);
    dsl::Diagnostic& diagnostic = Report(DiagnosticKind::kUnknownName, step_.args.front().range,
                                         "no model or function `" + *name + "`");
    diagnostic.SuggestName(*name, known);
    if (scope_.declarations.HasFlow(*name)) {
      diagnostic.help = "a flow is a step of its own: `|> " + *name + "`";
    }
    return nullptr;
  }

  bool ReadOptions() {
    bool is_fine = true;
    for (size_t i = 1; i < step_.args.size(); ++i) is_fine &= ReadOption(step_.args[i]);
    return is_fine;
  }

  bool ReadOption(const ast::Arg& arg) {
    if (arg.kind != ast::Arg::Kind::kOption) {
      Report(DiagnosticKind::kBadArguments, arg.range,
             "after the function, `map` takes options and parameters by name")
          .help =
          "write `" + (arg.kind == ast::Arg::Kind::kDefine ? arg.key.text + ": …`"
                                                           : std::string("parameter: column`"));
      return false;
    }
    const auto is_key = [&](const DeclaredColumn& param) { return param.name == arg.key.text; };
    if (std::any_of(function_->params.begin(), function_->params.end(), is_key)) {
      if (!bound_.try_emplace(arg.key.text, &arg).second) {
        Report(DiagnosticKind::kDuplicateName, arg.key.range,
               "`" + arg.key.text + "` is given twice");
        return false;
      }
      return true;
    }
    if (arg.key.text == "replace") {
      const ast::Expr& value = arg.value.head;
      replace_ = value.kind == ast::Expr::Kind::kBool && value.text == "true";
      if (value.kind == ast::Expr::Kind::kBool) return true;
      Report(DiagnosticKind::kBadArguments, arg.range, "`replace` is `true` or `false`");
      return false;
    }
    if (arg.key.text == "timeout" || arg.key.text == "on_error") return true;  // see guard.cpp
    std::vector<std::string> known = {"replace", "timeout", "on_error"};
    for (const DeclaredColumn& param : function_->params) known.push_back(param.name);
    Suggest(Report(DiagnosticKind::kUnknownOption, arg.key.range,
                   "`" + function_->spec.name + "` has no parameter `" + arg.key.text + "`"),
            arg.key.text, known);
    return false;
  }

  /// The plan's column for a parameter: given by name, else the one called like it.
  std::optional<std::string> ColumnFor(const DeclaredColumn& param, const engine::Type& wanted) {
    const ExpressionScope on{table_, scope_.builder, scope_.declarations, scope_.catalog,
                             scope_.diagnostics};
    const auto given = bound_.find(param.name);
    if (given != bound_.end()) {
      Expression value = CheckExpression(given->second->value.head, on, &wanted);
      if (value.type.is_unknown()) return std::nullopt;
      if (value.kind == Expression::Kind::kColumn) return value.name;
      return Computed(param, given->second->range, std::move(value));
    }
    if (const TableColumn* column = table_.Find(param.name)) return column->id;
    dsl::Diagnostic& diagnostic =
        Report(DiagnosticKind::kMissingColumn, step_.range,
               "`" + function_->spec.name + "` wants `" + param.name + ": " + ToString(param.type) +
                   "`, the row has no column `" + param.name + "`");
    diagnostic.notes.push_back(
        {table_.made, table_.made_by + " gives " + scope_.builder.Show(table_)});
    diagnostic.help =
        "name another column: `map(" + function_->spec.name + ", " + param.name + ": …)`";
    return std::nullopt;
  }

  /// An argument that is computed becomes a column of a `derive` in front.
  std::string Computed(const DeclaredColumn& param, SourceRange where, Expression value) {
    Step derive;
    derive.kind = StepKind::kDerive;
    derive.where = where;
    derive.label = "derive";
    std::string id = scope_.builder.NewColumn(param.name, value.type, where);
    derive.expressions.push_back({id, std::move(value)});
    derive.outputs = {table_.Ids()};
    derive.outputs.front().push_back(id);
    table_.port = scope_.builder.AddStage("derive", {table_.port}, std::move(derive));
    return id;
  }

  /// What the flow calls a column of the plan; `otherwise` for one without a name there.
  std::string NameOfColumn(const std::string& id, const std::string& otherwise) const {
    for (const TableColumn& column : table_.columns) {
      if (column.id == id) return column.name;
    }
    return otherwise;
  }

  /// Whether `wanted` is `found` with one more dimension in front, as others write models.
  static bool HasBatchDimension(const std::vector<engine::Dim>& wanted,
                                const std::vector<engine::Dim>& found) {
    return wanted.size() == found.size() + 1 &&
           std::equal(found.begin(), found.end(), wanted.begin() + 1);
  }

  /// `u8[480, 640, 3]` or `u8[H, W, 3]` where `u8[224, 224, 3]` is wanted.
  static bool IsImageOfOtherSize(const engine::Type& wanted, const engine::Type& found) {
    const auto is_image = [](const engine::Type& type) {
      return type.dtype == engine::DataType::kU8 && type.shape.size() == 3 &&
             type.shape[2] == engine::Dim::Size(3);
    };
    return is_image(wanted) && is_image(found) && wanted.shape[0].is_size() &&
           wanted.shape[1].is_size();
  }

  bool Bind(const DeclaredColumn& param, Instantiation& instantiate) {
    const engine::Type wanted = instantiate(param.type);
    const std::optional<std::string> id = ColumnFor(param, wanted);
    if (!id) return false;
    out_.arguments.emplace_back(param.name, *id);
    const std::string shown = scope_.builder.dims.Show(scope_.builder.TypeOf(*id));
    const std::string name = NameOfColumn(*id, param.name);
    const Clash clash = checks_.Unify(wanted, {out_.arguments.size() - 1, *id, name, Wants(param)});
    if (clash.text.empty()) return true;
    ReportMisfit(param, *id, shown, clash);
    return false;
  }

  std::string Wants(const DeclaredColumn& param) const {
    return "`" + function_->spec.name + "` wants `" + param.name + ": " + ToString(param.type) +
           "`";
  }

  /// What cannot be known here is checked in each row, before the call.
  bool CheckSizes() {
    std::vector<std::string> arguments;
    for (const auto& [param, id] : out_.arguments) arguments.push_back(id);
    const auto misfits = checks_.Settle(table_, arguments, step_.range);
    for (const SizeChecks::Misfit& misfit : misfits) {
      const std::string& id = arguments[misfit.who];
      ReportMisfit(function_->params[misfit.who], id,
                   scope_.builder.dims.Show(scope_.builder.TypeOf(id)), misfit.clash);
    }
    return misfits.empty();
  }

  void ReportMisfit(const DeclaredColumn& param, const std::string& id, const std::string& shown,
                    const Clash& clash) {
    const std::string name = NameOfColumn(id, param.name);
    const engine::Type& found = scope_.builder.TypeOf(id);
    const engine::Type row = scope_.builder.dims.Resolve(found);
    dsl::Diagnostic& diagnostic = Report(
        clash.is_shape ? DiagnosticKind::kShapeMismatch : DiagnosticKind::kTypeMismatch,
        step_.args.front().range, Wants(param) + ", this row has `" + name + ": " + shown + "`");
    if (clash.is_shape) diagnostic.message += " (" + clash.text + ")";
    if (clash.is_shape && HasBatchDimension(param.type.shape, row.shape)) {
      diagnostic.notes.push_back({param.range, "one dimension more than the row has"});
      diagnostic.help = "the rows of a batch are never a dimension: leave the first one out";
    }
    if (clash.is_shape && IsImageOfOtherSize(param.type, row)) {
      const std::string size = ToString(param.type);
      diagnostic.help = "resize it: `fn fit(px: u8[H, W, 3]) -> (fitted: " + size +
                        ") { native: \"image.resize\" }`, then `map(fit, px: " + name +
                        ") |> map(" + function_->spec.name + ", " + param.name + ": fitted)`";
    }
    diagnostic.notes.push_back({scope_.builder.OriginOf(id), "`" + name + "` gets its type here"});
    if (found.optional) diagnostic.help = CuresOfNull(name);
    const engine::Type& wanted = param.type;
    if (!clash.is_shape && !found.optional && wanted.is_scalar() && found.is_scalar() &&
        engine::IsNumber(wanted.dtype) && engine::IsNumber(found.dtype)) {
      diagnostic.help = "nothing is converted unasked: `map(" + function_->spec.name + ", " +
                        param.name + ": " + std::string(NameOf(wanted.dtype)) + "(" + name + "))`";
    }
  }

  bool Add(const DeclaredColumn& result, Instantiation& instantiate) {
    const std::string name = step_.as ? step_.as->text + "." + result.name : result.name;
    const TableColumn* taken = table_.Find(name);
    if (taken != nullptr && !replace_) {
      dsl::Diagnostic& diagnostic =
          Report(DiagnosticKind::kColumnClash, step_.range,
                 "`" + function_->spec.name + "` gives `" + name + "`, which the row already has");
      diagnostic.notes.push_back(
          {scope_.builder.OriginOf(taken->id), "`" + name + "` is from here"});
      const std::string as = step_.as ? step_.as->text + "_2" : "s";
      diagnostic.help = "keep both: `map(" + function_->spec.name + ") as " + as + "` (column `" +
                        as + "." + result.name + "`), or keep the new one: `replace: true`";
      return false;
    }
    const engine::Type type = scope_.builder.dims.Resolve(instantiate(result.type));
    if (std::any_of(type.shape.begin(), type.shape.end(), &IsImpossible)) {
      Report(DiagnosticKind::kShapeMismatch, step_.args.front().range,
             "`" + function_->spec.name + "` gives `" + result.name + ": " + ToString(result.type) +
                 "`, which cannot be " + scope_.builder.dims.Show(type));
      return false;
    }
    const std::string id = scope_.builder.NewColumn(name, type, step_.range);
    out_.results.emplace_back(result.name, id);
    if (taken == nullptr) {
      table_.columns.push_back({name, id});
    } else {
      for (TableColumn& column : table_.columns) {
        if (column.name == name) column.id = id;
      }
    }
    return true;
  }

  const ast::Step& step_;
  const StepScope& scope_;
  Table table_;
  const RowFunction* function_ = nullptr;
  std::map<std::string, const ast::Arg*> bound_;
  bool replace_ = false;
  SizeChecks checks_;
  Step out_;
};

}  // namespace

std::optional<Table> CheckMap(const ast::Step& step, const Table& input, const StepScope& scope) {
  return MapChecker(step, input, scope).Run();
}

}  // namespace raceway::compiler
