#include "compiler/check/declarations.h"

#include <algorithm>
#include <variant>

#include "compiler/check/flow_steps.h"
#include "compiler/check/foreign_names.h"
#include "compiler/check/functions.h"
#include "compiler/check/imports.h"
#include "compiler/check/model_signature.h"
#include "compiler/check/quantities.h"
#include "compiler/check/stores.h"
#include "dsl/parse.h"
#include "dsl/print.h"
#include "engine/data/dim_formula.h"
#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using engine::Dim;
using engine::DimFormula;
using engine::Type;
using engine::Value;

/// A number that is too large for its type is another mistake than a value of another type.
DiagnosticKind KindOfMisfit(const Value& literal, const Type& type) {
  const bool is_integer = literal.AsInt() != nullptr || UnsignedOf(literal);
  const bool is_too_large = (is_integer && engine::IsInteger(type.dtype)) ||
                            (NumberOf(literal) && engine::IsFloat(type.dtype));
  return is_too_large ? DiagnosticKind::kBadLiteral : DiagnosticKind::kTypeMismatch;
}

class Declarer {
 public:
  Declarer(const Module& module, const DeclareOptions& options, Declarations& out,
           dsl::Diagnostics& diagnostics)
      : file_(module.parsed.file),
        folder_(module.folder),
        sidecars_(module.sidecars),
        options_(options),
        out_(out),
        diagnostics_(diagnostics) {}

  void Run(const std::vector<std::string>& lost_names) {
    out_.broken = lost_names;
    for (const ast::Item& item : file_.items) std::visit([&](const auto& d) { Name(d); }, item);
    BringImports(file_, options_.imports, out_, diagnostics_);
    // Each kind may use those before it: dimensions name parameters, flows name schemas.
    Each<ast::ParamDecl>([&](const auto& d) { Declare(d); });
    Each<ast::SchemaDecl>([&](const auto& d) { Declare(d); });
    Each<ast::StoreDecl>([&](const auto& d) { Declare(d); });
    Each<ast::ModelDecl>([&](const auto& d) { Declare(d); });
    Each<ast::FnDecl>([&](const auto& d) { Declare(d); });
    Each<ast::FlowDecl>([&](const auto& d) { Declare(d); });
    CheckHintNames(out_, diagnostics_);
  }

  std::optional<RowType> RowsOf(const ast::TypeExpr& expr) { return ResolveRows(expr); }

 private:
  template <typename Decl, typename Function>
  void Each(Function function) {
    for (const ast::Item& item : file_.items) {
      const Decl* decl = std::get_if<Decl>(&item);
      // A second declaration of a name was reported; the first one counts.
      if (decl != nullptr && out_.names.at(decl->name.text) == decl->name.range) function(*decl);
    }
  }

  void NotImplemented(SourceRange where, const std::string& what) {
    diagnostics_.Add(DiagnosticKind::kNotImplemented, where,
                     what + " not in this edition's engine yet");
  }

  // --- names ---

  template <typename Decl>
  void Name(const Decl& decl) {
    if (AddName(decl.name)) out_.own.push_back(decl.name.text);
  }
  void Name(const ast::ImportDecl& decl) {
    for (const ast::Name& name : decl.names) AddName(name);
  }
  void Name(const ast::DefaultsDecl& decl) {
    if (defaults_ != nullptr) {
      diagnostics_.Add(DiagnosticKind::kDuplicateName, decl.range, "`defaults` come once in a file")
          .notes.push_back({defaults_->range, "first here"});
      return;
    }
    defaults_ = &decl;
    out_.hints.defaults = CheckHints(decl.block, HintPlace::kDefaults, diagnostics_);
  }
  void Name(const ast::TestDecl& /*decl*/) {}  // its title is no name

  bool AddName(const ast::Name& name) {
    const auto [entry, is_new] = out_.names.try_emplace(name.text, name.range);
    if (is_new) return true;
    dsl::Diagnostic& diagnostic = diagnostics_.Add(DiagnosticKind::kDuplicateName, name.range,
                                                   "`" + name.text + "` is declared twice");
    diagnostic.notes.push_back({entry->second, "first here"});
    diagnostic.help = "all that a file declares or imports needs names of its own";
    return false;
  }

  // --- types ---

  std::optional<Dim> NamedDim(const ast::Dim& dim) {
    const auto param = out_.params.find(dim.text);
    if (param == out_.params.end()) {
      if (!IsFormula(Dim::Symbol(dim.text)) &&
          dim.text.find_first_of(",[]#!?. ") == dim.text.npos) {
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
  std::optional<DimFormula> ResolveFormula(const ast::Dim& dim) {
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

  std::optional<Dim> ResolveDim(const ast::Dim& dim) {
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
    diagnostics_.Add(
        DiagnosticKind::kBadLiteral, dim.range,
        "a dimension is a whole number of at least 1, this is " + Dims().Show(resolved));
    return std::nullopt;
  }

  /// Whether `...` stands at most once, in front.
  bool CheckRank(const ast::TypeExpr& expr) {
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

  std::optional<Type> ResolveType(const ast::TypeExpr& expr) {
    if (expr.stream) return NotImplemented(expr.range, "streams are"), std::nullopt;
    if (expr.record) {
      diagnostics_.Add(DiagnosticKind::kTypeMismatch, expr.range, "a column is no record").help =
          "list its columns one by one";
      return std::nullopt;
    }
    const std::string name = expr.path->Text();
    const std::optional<engine::DataType> dtype = engine::DataTypeFromName(name);
    if (!dtype) {
      dsl::Diagnostic& diagnostic = diagnostics_.Add(DiagnosticKind::kUnknownName, expr.path->range,
                                                     "no type `" + name + "`");
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
  std::optional<Value> DefaultOf(const ast::Expr& expr, const Type& type) {
    if (expr.kind == ast::Expr::Kind::kNull && type.optional) return Value();
    Type plain = type;
    plain.optional = false;
    const auto param = out_.params.find(expr.text);
    if (expr.kind == ast::Expr::Kind::kName && param != out_.params.end()) {
      if (param->second.type == plain) return param->second.value;
      diagnostics_
          .Add(DiagnosticKind::kTypeMismatch, expr.range,
               "wanted " + ToString(plain) + ", `" + expr.text + "` is " +
                   ToString(param->second.type))
          .notes.push_back({param->second.range, "declared here"});
      return std::nullopt;
    }
    if (expr.kind == ast::Expr::Kind::kName) {
      if (!out_.IsBroken(expr.text)) {
        diagnostics_
            .Add(DiagnosticKind::kUnknownName, expr.range, "no parameter `" + expr.text + "`")
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

  /// Rows of a request may lack columns; what a function takes and gives is always there.
  bool RefuseDefaults(const std::vector<ast::Column>& columns) {
    bool has_some = false;
    for (const ast::Column& column : columns) {
      if (column.default_value.empty()) continue;
      diagnostics_
          .Add(DiagnosticKind::kTypeMismatch, column.default_value.front().range,
               "`" + column.name.text + "` has a default, and only columns of tables may")
          .help = "take it out, or `derive(" + column.name.text + " = …)` before";
      has_some = true;
    }
    return has_some;
  }

  std::optional<std::vector<DeclaredColumn>> ResolveColumns(
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
      const std::optional<Type> type = ResolveType(column.type);
      is_fine &= type.has_value();
      resolved.push_back({column.name.text, type.value_or(Type{}), column.range});
      if (!type || column.default_value.empty()) continue;
      resolved.back().default_value = DefaultOf(column.default_value.front(), *type);
      is_fine &= resolved.back().default_value.has_value();
    }
    if (!is_fine) return std::nullopt;
    return resolved;
  }

  std::optional<RowType> ResolveRecord(const ast::Record& record) {
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

  /// A table's type: the name of a schema, or a record.
  std::optional<RowType> ResolveRows(const ast::TypeExpr& expr) {
    if (expr.stream) return NotImplemented(expr.range, "streams are"), std::nullopt;
    if (expr.record) return ResolveRecord(*expr.record);
    const std::string name = expr.path->Text();
    const auto schema = out_.schemas.find(name);
    if (schema != out_.schemas.end()) {
      RowType rows = schema->second;
      rows.range = expr.range;
      return rows;
    }
    if (out_.IsBroken(name)) return std::nullopt;
    std::vector<std::string> known;
    for (const auto& [other, rows] : out_.schemas) known.push_back(other);
    dsl::Diagnostic& diagnostic =
        diagnostics_.Add(DiagnosticKind::kUnknownName, expr.range, "no schema `" + name + "`");
    diagnostic.SuggestName(name, known);
    if (diagnostic.help.empty() && engine::DataTypeFromName(name)) {
      diagnostic.help = "a flow takes tables: `{ column: " + name + " }`";
    }
    return std::nullopt;
  }

  // --- declarations ---

  /// `said` becomes what was set, in the words of who did; empty if nothing was.
  std::optional<Value> ParamFromOutside(const ast::ParamDecl& decl, const Type& type,
                                        std::string& said) {
    // The last of several counts.
    for (auto set = options_.params.rbegin(); set != options_.params.rend(); ++set) {
      if (set->name != decl.name.text) continue;
      said = set->said;
      std::string why;
      std::optional<Value> constant = set->value;
      const bool is_text =
          type.dtype == engine::DataType::kString || type.dtype == engine::DataType::kTimestamp;
      if (!constant && !is_text) constant = ParseConstant(set->text, type);
      // A file of parameters has no literals with a unit: `wait = "4ms"`.
      const std::string* text = constant ? constant->AsString() : nullptr;
      if (text != nullptr && type.dtype == engine::DataType::kDuration) {
        constant = ParseConstant(*text, type);
      }
      std::optional<Value> fitted = FitLiteral(constant.value_or(Value(set->text)), type, why);
      if (!fitted) {
        diagnostics_.Add(DiagnosticKind::kBadParameter, decl.range, said + ": " + why);
      }
      return fitted;
    }
    return std::nullopt;
  }

  /// A value as a file would write it, and nothing else.
  static std::optional<Value> ParseConstant(const std::string& text, const Type& type) {
    const std::string before = "param x: " + ToString(type) + " = ";
    const dsl::ParseResult parsed = dsl::Parse(dsl::Source("--set", before + text));
    if (parsed.diagnostics.has_errors() || parsed.file.items.size() != 1) return std::nullopt;
    const auto* param = std::get_if<ast::ParamDecl>(&parsed.file.items.front());
    if (param == nullptr || !param->default_value) return std::nullopt;
    const SourceRange all{static_cast<int32_t>(before.size()),
                          static_cast<int32_t>(before.size() + text.size())};
    if (param->default_value->range != all) return std::nullopt;
    dsl::Diagnostics ignored;
    return ConstantOf(*param->default_value, ignored);
  }

  /// Null where the range itself is wrong, which is reported.
  std::optional<bool> IsAllowed(const ast::ParamDecl& decl, const Value& value, const Type& type) {
    if (!decl.in) return true;
    const ast::Expr& in = *decl.in;
    std::string why;
    if (in.kind == ast::Expr::Kind::kBinary && in.text == "..") {
      const auto low = ConstantOf(in.children[0], diagnostics_);
      const auto high = ConstantOf(in.children[1], diagnostics_);
      if (!low || !high) return std::nullopt;
      if (engine::IsTime(type.dtype)) return IsBetween(*low, value, *high, type, in);
      const bool is_u64 = type.dtype == engine::DataType::kU64 && value.AsInt() != nullptr;
      const auto least = NumberOf(*low);
      const auto most = NumberOf(*high);
      const auto number =
          NumberOf(is_u64 ? UnsignedLiteral(static_cast<uint64_t>(*value.AsInt())) : value);
      if (!least || !most || !number) {
        diagnostics_.Add(DiagnosticKind::kTypeMismatch, in.range, "a range is of numbers");
        return std::nullopt;
      }
      if (*least > *most) return ReportNothingIn(in);
      return *least <= *number && *number <= *most;
    }
    if (in.kind == ast::Expr::Kind::kList) {
      if (in.children.empty()) return ReportNothingIn(in);
      for (const ast::Expr& child : in.children) {
        const auto allowed = ConstantOf(child, diagnostics_);
        if (!allowed) return std::nullopt;
        if (FitLiteral(*allowed, type, why) == value) return true;
      }
      return false;
    }
    diagnostics_.Add(DiagnosticKind::kBadLiteral, in.range,
                     "expected a range `low..high` or a list `[a, b]`");
    return std::nullopt;
  }

  /// Null where an end is no time, which is reported.
  std::optional<bool> IsBetween(const Value& low, const Value& value, const Value& high,
                                const Type& type, const ast::Expr& in) {
    std::string why;
    const std::optional<Value> first = FitLiteral(low, type, why);
    const std::optional<Value> last = FitLiteral(high, type, why);
    if (first && last) {
      if (*first->AsInt() > *last->AsInt()) return ReportNothingIn(in);
      return *first->AsInt() <= *value.AsInt() && *value.AsInt() <= *last->AsInt();
    }
    diagnostics_.Add(DiagnosticKind::kTypeMismatch, in.range, why);
    return std::nullopt;
  }

  std::nullopt_t ReportNothingIn(const ast::Expr& in) {
    diagnostics_
        .Add(DiagnosticKind::kBadLiteral, in.range, "nothing is in `" + dsl::PrintExpr(in) + "`")
        .help = in.kind == ast::Expr::Kind::kBinary ? "the smaller end comes first" : "";
    return std::nullopt;
  }

  void Declare(const ast::ParamDecl& decl) {
    const std::optional<Type> type = ResolveType(decl.type);
    const bool is_optional = type && RefuseOptional(*type, decl.type.range, "a parameter has");
    if (!type || is_optional) return out_.broken.push_back(decl.name.text);
    std::string said;
    std::optional<Value> value = ParamFromOutside(decl, *type, said);
    const bool is_set = !said.empty();
    SourceRange where = decl.range;
    if (!is_set && decl.default_value) {
      where = decl.default_value->range;
      const std::optional<Value> written = ConstantOf(*decl.default_value, diagnostics_);
      std::string why;
      if (written) value = FitLiteral(*written, *type, why);
      if (written && !value) {
        diagnostics_.Add(KindOfMisfit(*written, *type), where, why);
      }
    } else if (!is_set) {
      diagnostics_
          .Add(DiagnosticKind::kBadParameter, decl.range,
               "parameter `" + decl.name.text + "` has no value")
          .help = "give it a default, or run with `--set " + decl.name.text + "=…`";
    }
    const std::optional<bool> is_allowed = value ? IsAllowed(decl, *value, *type) : true;
    if (is_allowed == false) {
      diagnostics_.Add(DiagnosticKind::kBadParameter, where,
                       (is_set ? said + ": " : "") + "`" + decl.name.text + "` must be in " +
                           dsl::PrintExpr(*decl.in) + ", this is " + ShowValue(*value, *type));
    }
    if (is_allowed != true) value.reset();
    if (!value) return out_.broken.push_back(decl.name.text);
    out_.params[decl.name.text] = {decl.range, *type, *value};
  }

  void Declare(const ast::SchemaDecl& decl) {
    std::optional<RowType> rows = ResolveRecord(decl.record);
    if (!rows) return out_.broken.push_back(decl.name.text);
    out_.schemas[decl.name.text] = *std::move(rows);
  }

  /// `...` in a result is what the parameters have in its place.
  bool CheckOpenRank(const std::vector<DeclaredColumn>& params,
                     const std::vector<DeclaredColumn>& results) {
    const auto is_open = [](const DeclaredColumn& column) {
      return !column.type.shape.empty() && IsAnyRank(column.type.shape.front());
    };
    const auto open = std::find_if(results.begin(), results.end(), is_open);
    if (open == results.end() || std::any_of(params.begin(), params.end(), is_open)) return true;
    diagnostics_.Add(DiagnosticKind::kTypeMismatch, open->range,
                     "`...` stands in a result but in no parameter");
    return false;
  }

  /// Whether the type has a `?` where there must be a value, which is reported.
  bool RefuseOptional(const Type& type, SourceRange where, const std::string& who) {
    if (!type.optional) return false;
    diagnostics_
        .Add(DiagnosticKind::kTypeMismatch, where,
             who + " a value always, this is " + ToString(type))
        .help = "take the `?` out; flows and stores may have columns without a value";
    return true;
  }

  bool RefuseOptional(const std::vector<DeclaredColumn>& columns, const std::string& who) {
    bool is_fine = true;
    for (const DeclaredColumn& column : columns) {
      is_fine &= !RefuseOptional(column.type, column.range, who);
    }
    return !is_fine;
  }

  /// `(a: T) -> (b: U)` of a function of columns.
  bool ResolveSignature(const ast::Signature& signature, const ast::Name& name,
                        RowFunction& function) {
    const bool has_defaults = RefuseDefaults(signature.params);
    if (RefuseDefaults(signature.results) || has_defaults) return false;
    auto params = ResolveColumns(signature.params);
    auto results = ResolveColumns(signature.results);
    if (!params || !results) return false;
    if (signature.results.empty()) {
      diagnostics_
          .Add(DiagnosticKind::kTypeMismatch, signature.range, "`" + name.text + "` has no results")
          .help = "write them as named columns: `-> (name: type)`";
      return false;
    }
    const bool takes_null = RefuseOptional(*params, "`" + name.text + "` takes");
    if (RefuseOptional(*results, "`" + name.text + "` gives") || takes_null) return false;
    if (!CheckOpenRank(*params, *results)) return false;
    function.name_range = name.range;
    function.params = *std::move(params);
    function.results = *std::move(results);
    return true;
  }

  void Declare(const ast::StoreDecl& decl) {
    std::optional<Store> store = ResolveStore(decl);
    if (!store) return out_.broken.push_back(decl.name.text);
    out_.stores[decl.name.text] = *std::move(store);
  }

  /// `(key: T) -> (a: U, …) { rows: "file.jsonl" }`
  std::optional<Store> ResolveStore(const ast::StoreDecl& decl) {
    std::vector<ast::Column> all = decl.signature.params;
    all.insert(all.end(), decl.signature.results.begin(), decl.signature.results.end());
    if (RefuseDefaults(all)) return std::nullopt;
    std::optional<std::vector<DeclaredColumn>> columns = ResolveColumns(all);
    std::optional<FunctionSpec> spec = StoreSettings(decl, diagnostics_);
    if (!columns || !spec) return std::nullopt;
    if (decl.signature.params.size() != 1 || decl.signature.results.empty()) {
      diagnostics_
          .Add(DiagnosticKind::kBadArguments, decl.signature.range,
               "a store has one key and columns for it")
          .help = "store " + decl.name.text + "(user: string) -> (taste: f32[512]) { … }";
      return std::nullopt;
    }
    if (!CheckStoreKey(columns->front(), spec->native, diagnostics_)) return std::nullopt;
    Store store{*std::move(spec), columns->front(), {}};
    store.results.assign(columns->begin() + 1, columns->end());
    return store;
  }

  void Declare(const ast::ModelDecl& decl) {
    RowFunction function;
    bool is_fine = true;
    if (decl.signature) is_fine = ResolveSignature(*decl.signature, decl.name, function);
    std::optional<FunctionSpec> spec = ModelSpec(decl, diagnostics_);
    if (spec && !decl.signature) {
      is_fine = TakeSidecar(decl, *spec, sidecars_, function, diagnostics_);
    }
    if (!is_fine || !spec) return out_.broken.push_back(decl.name.text);
    function.spec = *std::move(spec);
    function.spec.source = PathIn(folder_, function.spec.source);
    out_.functions[decl.name.text] = std::move(function);
  }

  void Declare(const ast::FnDecl& decl) {
    RowFunction function;
    if (!ResolveSignature(decl.signature, decl.name, function)) {
      return out_.broken.push_back(decl.name.text);
    }
    std::optional<FunctionSpec> spec =
        NativeSpec(decl, function.params, function.results, options_.catalog, diagnostics_);
    if (!spec) return out_.broken.push_back(decl.name.text);
    function.spec = *std::move(spec);
    FilesIn(folder_, function.spec);
    out_.functions[decl.name.text] = std::move(function);
  }

  /// The files that settings name are relative to the folder of the file they stand in.
  static void FilesIn(const std::string& folder, FunctionSpec& spec) {
    for (auto& setting : spec.settings) {
      const auto is_it = [&](const auto& file) { return file.first == setting.first; };
      const std::string* path = setting.second.AsString();
      if (path == nullptr || std::none_of(spec.files.begin(), spec.files.end(), is_it)) continue;
      setting.second = PathIn(folder, *path);
    }
  }

  void CheckHintsOf(const ast::FlowDecl& decl) {
    std::map<int32_t, Hints>& written = out_.hints.written;
    if (decl.with) {
      written[decl.name.range.begin] = CheckHints(*decl.with, HintPlace::kFlow, diagnostics_);
    }
    for (const FlowStep& step : StepsOf(decl)) {
      if (step.with == nullptr) continue;
      Hints hints = CheckHints(*step.with, HintPlace::kStep, diagnostics_);
      if (!step.kind.empty()) {
        written[step.name.begin] = std::move(hints);
        continue;
      }
      diagnostics_
          .Add(DiagnosticKind::kHintNotHonoured, step.name,
               "a table alone does nothing that hints could be for")
          .help = "write `with` behind a step";
    }
  }

  void Declare(const ast::FlowDecl& decl) {
    FlowInfo flow;
    flow.decl = &decl;
    flow.home = &out_;
    out_.flow_order.push_back(decl.name.text);
    CheckHintsOf(decl);
    for (const ast::Column& param : decl.signature.params) {
      std::optional<RowType> rows = ResolveRows(param.type);
      flow.is_broken |= !rows.has_value();
      flow.params.push_back({param.name.text, std::move(rows).value_or(RowType{})});
    }
    if (decl.signature.params.empty()) {
      diagnostics_.Add(DiagnosticKind::kBadArguments, decl.name.range,
                       "flow `" + decl.name.text + "` takes no table");
      flow.is_broken = true;
    }
    flow.is_broken |= !DeclareResults(decl, flow);
    out_.flows[decl.name.text] = std::move(flow);
  }

  /// `-> Schema`, or `-> (a: Schema, b: Schema)`.
  bool DeclareResults(const ast::FlowDecl& decl, FlowInfo& flow) {
    const ast::Signature& signature = decl.signature;
    bool is_fine = true;
    const auto add = [&](const std::string& name, const ast::TypeExpr& type) {
      std::optional<RowType> rows = ResolveRows(type);
      is_fine &= rows.has_value();
      flow.results.push_back({name, std::move(rows).value_or(RowType{})});
      // A default is for rows that come; those that go have every column.
      for (DeclaredColumn& column : flow.results.back().rows.columns) column.default_value.reset();
    };
    if (signature.result_type) add("", *signature.result_type);
    for (const ast::Column& result : signature.results) {
      const auto is_same = [&](const FlowResult& other) { return other.name == result.name.text; };
      if (std::any_of(flow.results.begin(), flow.results.end(), is_same)) {
        diagnostics_.Add(DiagnosticKind::kDuplicateName, result.name.range,
                         "the result `" + result.name.text + "` is there already");
        is_fine = false;
      }
      add(result.name.text, result.type);
    }
    if (!flow.results.empty()) return is_fine;
    diagnostics_
        .Add(DiagnosticKind::kTypeMismatch, decl.name.range,
             "flow `" + decl.name.text + "` does not say what it returns")
        .help = "write `-> Schema` or `-> { column: type }` after its parameters";
    return false;
  }

  const ast::File& file_;
  const std::string& folder_;
  const std::map<std::string, FileText>& sidecars_;
  const DeclareOptions& options_;
  Declarations& out_;
  dsl::Diagnostics& diagnostics_;
  const ast::DefaultsDecl* defaults_ = nullptr;
};

}  // namespace

std::string Suggest(std::string_view wrong, const std::vector<std::string>& known) {
  std::string text = dsl::DidYouMeanText(wrong, known);
  if (!text.empty() || known.empty()) return text;
  for (size_t i = 0; i < known.size(); ++i) {
    text += i == 0                 ? (known.size() == 1 ? "there is `" : "there are `")
            : i + 1 < known.size() ? ", `"
                                   : " and `";
    text += known[i] + "`";
  }
  return text;
}

void Suggest(dsl::Diagnostic& diagnostic, std::string_view wrong,
             const std::vector<std::string>& known) {
  diagnostic.SuggestName(wrong, known);
  diagnostic.help = Suggest(wrong, known);
}

FlowInfo* Declarations::FindFlow(const std::string& name) {
  if (const auto found = flows.find(name); found != flows.end()) return &found->second;
  const auto found = imported_flows.find(name);
  return found == imported_flows.end() ? nullptr : found->second;
}

const FlowInfo* Declarations::FindFlow(const std::string& name) const {
  if (const auto found = flows.find(name); found != flows.end()) return &found->second;
  const auto found = imported_flows.find(name);
  return found == imported_flows.end() ? nullptr : found->second;
}

bool Declarations::HasFlow(const std::string& name) const {
  return flows.contains(name) || imported_flows.contains(name);
}

std::vector<std::string> Declarations::FlowNames() const {
  std::vector<std::string> names;
  for (const auto& [name, flow] : flows) names.push_back(name);
  for (const auto& [name, flow] : imported_flows) names.push_back(name);
  return names;
}

bool Declarations::IsBroken(std::string_view name) const {
  const auto has = [&](std::string_view one) {
    return std::find(broken.begin(), broken.end(), one) != broken.end();
  };
  // `x.f` of a file `x` that could not be read.
  const size_t dot = name.find('.');
  return has(name) || (dot != std::string_view::npos && has(name.substr(0, dot)));
}

std::vector<Declarations*> ImportsOf(const Module& module, const Modules& modules,
                                     std::vector<Declarations>& all) {
  // Of a file that could not be read nothing is known.
  const auto is_lost = [](const dsl::ParseResult& parsed) {
    return parsed.file.items.empty() && parsed.diagnostics.has_errors();
  };
  std::vector<Declarations*> imports;
  for (const std::optional<size_t>& import : module.imports) {
    const bool is_known = import && !is_lost(modules.all[*import].parsed);
    imports.push_back(is_known ? &all[*import] : nullptr);
  }
  return imports;
}

void Declare(const Module& module, const DeclareOptions& options, Declarations& declarations,
             dsl::Diagnostics& diagnostics) {
  Declarer(module, options, declarations, diagnostics).Run(module.parsed.lost_names);
}

std::optional<RowType> RowTypeOf(const ast::TypeExpr& expr, const Declarations& declarations,
                                 const engine::Catalog& catalog, dsl::Diagnostics& diagnostics) {
  Declarations known = declarations;
  return Declarer({}, {catalog, {}, {}}, known, diagnostics).RowsOf(expr);
}

}  // namespace raceway::compiler
