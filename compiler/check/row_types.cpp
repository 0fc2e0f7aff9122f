#include "compiler/check/row_types.h"

#include <algorithm>
#include <utility>

#include "compiler/check/dims.h"
#include "compiler/check/foreign_names.h"

namespace raceway::compiler {

using dsl::DiagnosticKind;
using engine::Dim;
using engine::DimFormula;
using engine::Type;
using engine::Value;

void TypeResolver::NotImplemented(dsl::SourceRange where, const std::string& what) {
  diagnostics_.Add(DiagnosticKind::kNotImplemented, where,
                   what + " not in this edition's engine yet");
}

std::optional<Dim> TypeResolver::NamedDim(const ast::Dim& dim) {
  const auto param = known_.params.find(dim.text);
  if (param == known_.params.end()) {
    if (!IsFormula(Dim::Symbol(dim.text)) && dim.text.find_first_of(",[]#!?. ") == dim.text.npos) {
      return Dim::Symbol(dim.text);
    }
    diagnostics_.Add(DiagnosticKind::kBadLiteral, dim.range,
                     "a dimension is a number, a plain name, or computed from such");
    return std::nullopt;
  }
  const int64_t* size = param->second.value.AsInt();
  if (size != nullptr && *size > 0) return Dim::Size(*size);
  diagnostics_.Add(DiagnosticKind::kTypeMismatch, dim.range,
                   "a dimension is an integer of at least 1, parameter `" + dim.text + "` is " +
                       ToString(param->second.value));
  return std::nullopt;
}

/// A part of a formula; `_` and `...` are none.
std::optional<DimFormula> TypeResolver::ResolveFormula(const ast::Dim& dim) {
  if (dim.kind == ast::Dim::Kind::kInt) return DimFormula::Number(dim.value);
  if (dim.kind == ast::Dim::Kind::kName && dim.text != "_") {
    const std::optional<Dim> named = NamedDim(dim);
    return named ? DimFormula::Of(*named) : std::nullopt;
  }
  if (dim.kind != ast::Dim::Kind::kBinary) {
    diagnostics_.Add(DiagnosticKind::kBadLiteral, dim.range,
                     "`" + std::string(dim.kind == ast::Dim::Kind::kName ? "_" : "...") +
                         "` has no size to compute with");
    return std::nullopt;
  }
  const std::optional<DimFormula> left = ResolveFormula(dim.children[0]);
  const std::optional<DimFormula> right = ResolveFormula(dim.children[1]);
  if (!left || !right) return std::nullopt;
  std::optional<DimFormula> result = dim.text == "+"   ? left->Plus(*right)
                                     : dim.text == "-" ? left->Minus(*right)
                                     : dim.text == "*" ? left->Times(*right)
                                                       : left->Over(*right);
  if (!result) {
    const bool is_division = dim.text == "/" && (!right->IsConstant() || right->IsZero());
    diagnostics_.Add(DiagnosticKind::kBadLiteral, dim.range,
                     is_division ? "a dimension is divided by a number other than 0"
                                 : "this dimension is too large");
  }
  return result;
}

std::optional<Dim> TypeResolver::ResolveDim(const ast::Dim& dim) {
  switch (dim.kind) {
    case ast::Dim::Kind::kInt:
      if (dim.value > 0) return Dim::Size(dim.value);
      diagnostics_.Add(DiagnosticKind::kBadLiteral, dim.range, "a dimension is at least 1");
      return std::nullopt;
    case ast::Dim::Kind::kName: return NamedDim(dim);
    case ast::Dim::Kind::kEllipsis: return Dim::Symbol("...");
    case ast::Dim::Kind::kBinary: break;
  }
  const std::optional<DimFormula> formula = ResolveFormula(dim);
  if (!formula) return std::nullopt;
  const Dim resolved = formula->ToDim();
  if (!IsImpossible(resolved)) return resolved;
  diagnostics_.Add(DiagnosticKind::kBadLiteral, dim.range,
                   "a dimension is a whole number of at least 1, this is " + Dims().Show(resolved));
  return std::nullopt;
}

/// Whether `...` stands at most once, in front.
bool TypeResolver::CheckRank(const ast::TypeExpr& expr) {
  for (size_t i = 1; i < expr.dims.size(); ++i) {
    if (expr.dims[i].kind != ast::Dim::Kind::kEllipsis) continue;
    diagnostics_
        .Add(DiagnosticKind::kBadLiteral, expr.dims[i].range,
             "`...` stands before the other dimensions, once")
        .help = "f32[..., N]";
    return false;
  }
  return true;
}

std::optional<Type> TypeResolver::Resolve(const ast::TypeExpr& expr) {
  if (expr.stream) return NotImplemented(expr.range, "streams are"), std::nullopt;
  if (expr.record) {
    diagnostics_.Add(DiagnosticKind::kTypeMismatch, expr.range, "a column is no record").help =
        "list its columns one by one";
    return std::nullopt;
  }
  const std::string name = expr.path->Text();
  const std::optional<engine::DataType> dtype = engine::DataTypeFromName(name);
  if (!dtype) {
    dsl::Diagnostic& diagnostic =
        diagnostics_.Add(DiagnosticKind::kUnknownName, expr.path->range, "no type `" + name + "`");
    SuggestOwn(diagnostic, NameKind::kType, name, engine::DataTypeNames(), true);
    return std::nullopt;
  }
  Type type{*dtype, {}, expr.optional};
  bool is_fine = CheckRank(expr);
  for (const ast::Dim& dim : expr.dims) {
    const std::optional<Dim> resolved = ResolveDim(dim);
    is_fine &= resolved.has_value();
    if (resolved) type.shape.push_back(*resolved);
  }
  if (is_fine && *dtype == engine::DataType::kBytes && !type.shape.empty()) {
    return NotImplemented(expr.range, "tensors of bytes are"), std::nullopt;
  }
  if (!is_fine) return std::nullopt;
  return type;
}

/// A literal, `null`, or a parameter of that type; anything else is reported.
std::optional<Value> TypeResolver::DefaultOf(const ast::Expr& expr, const Type& type) {
  if (expr.kind == ast::Expr::Kind::kNull && type.optional) return Value();
  Type plain = type;
  plain.optional = false;
  const auto param = known_.params.find(expr.text);
  if (expr.kind == ast::Expr::Kind::kName && param != known_.params.end()) {
    if (param->second.type == plain) return param->second.value;
    diagnostics_
        .Add(DiagnosticKind::kTypeMismatch, expr.range,
             "wanted " + ToString(plain) + ", `" + expr.text + "` is " +
                 ToString(param->second.type))
        .notes.push_back({param->second.range, "declared here"});
    return std::nullopt;
  }
  if (expr.kind == ast::Expr::Kind::kName) {
    if (!known_.IsBroken(expr.text)) {
      diagnostics_.Add(DiagnosticKind::kUnknownName, expr.range, "no parameter `" + expr.text + "`")
          .help = "a default is a literal or a parameter; texts stand in quotes";
    }
    return std::nullopt;
  }
  if (expr.kind == ast::Expr::Kind::kNull) {
    diagnostics_
        .Add(DiagnosticKind::kTypeMismatch, expr.range,
             "wanted " + ToString(type) + ", which is never null")
        .help = "a column that may be null: `" + ToString(type) + "?`";
    return std::nullopt;
  }
  const std::optional<Value> written = ConstantOf(expr, diagnostics_);
  std::string why;
  std::optional<Value> value = written ? FitLiteral(*written, plain, why) : std::nullopt;
  if (written && !value) {
    diagnostics_.Add(KindOfMisfit(*written, type), expr.range, why);
  }
  return value;
}

std::optional<std::vector<DeclaredColumn>> TypeResolver::ResolveColumns(
    const std::vector<ast::Column>& columns) {
  std::vector<DeclaredColumn> resolved;
  bool is_fine = true;
  for (const ast::Column& column : columns) {
    const auto same = [&](const DeclaredColumn& other) { return other.name == column.name.text; };
    const auto first = std::find_if(resolved.begin(), resolved.end(), same);
    if (first != resolved.end()) {
      diagnostics_
          .Add(DiagnosticKind::kDuplicateName, column.name.range,
               "`" + column.name.text + "` is declared twice")
          .notes.push_back({first->range, "first here"});
      is_fine = false;
      continue;
    }
    const std::optional<Type> type = Resolve(column.type);
    is_fine &= type.has_value();
    resolved.push_back({column.name.text, type.value_or(Type{}), column.range});
    if (!type || column.default_value.empty()) continue;
    resolved.back().default_value = DefaultOf(column.default_value.front(), *type);
    is_fine &= resolved.back().default_value.has_value();
  }
  if (!is_fine) return std::nullopt;
  return resolved;
}

std::optional<RowType> TypeResolver::ResolveRecord(const ast::Record& record) {
  auto columns = ResolveColumns(record.columns);
  if (!columns) return std::nullopt;
  if (columns->empty() && record.ellipses.empty()) {
    diagnostics_.Add(DiagnosticKind::kBadArguments, record.range,
                     "a table has at least one column");
    return std::nullopt;
  }
  RowType rows{*std::move(columns), std::nullopt, record.range};
  if (record.ellipses.size() > 1) {
    diagnostics_.Add(DiagnosticKind::kDuplicateName, record.ellipses[1],
                     "`...` stands here a second time");
    return std::nullopt;
  }
  if (!record.ellipses.empty()) {
    const auto before = [&](const ast::Column& column) {
      return column.range.begin < record.ellipses.front().begin;
    };
    rows.open_at =
        static_cast<size_t>(std::count_if(record.columns.begin(), record.columns.end(), before));
  }
  return rows;
}

std::optional<RowType> TypeResolver::ResolveRows(const ast::TypeExpr& expr) {
  if (expr.stream) return NotImplemented(expr.range, "streams are"), std::nullopt;
  if (expr.record) return ResolveRecord(*expr.record);
  const std::string name = expr.path->Text();
  const auto schema = known_.schemas.find(name);
  if (schema != known_.schemas.end()) {
    RowType rows = schema->second;
    rows.range = expr.range;
    return rows;
  }
  if (known_.IsBroken(name)) return std::nullopt;
  std::vector<std::string> known;
  for (const auto& [other, rows] : known_.schemas) known.push_back(other);
  dsl::Diagnostic& diagnostic =
      diagnostics_.Add(DiagnosticKind::kUnknownName, expr.range, "no schema `" + name + "`");
  diagnostic.SuggestName(name, known);
  if (diagnostic.help.empty() && engine::DataTypeFromName(name)) {
    diagnostic.help = "a flow takes tables: `{ column: " + name + " }`";
  }
  return std::nullopt;
}

}  // namespace raceway::compiler
