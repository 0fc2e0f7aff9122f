#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/dims.h"
#include "compiler/check/hints.h"
#include "compiler/check/params.h"
#include "compiler/load/modules.h"
#include "compiler/plan/logical_plan.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "engine/catalog.h"
#include "engine/data/schema.h"

/// What the items of a file declare, resolved: the first half of the checker.
namespace raceway::compiler {

namespace ast = dsl::ast;

class Facts;

/// A column of a signature or schema and where it stands.
struct DeclaredColumn {
  std::string name;
  engine::Type type;  // symbols as written: "H"
  dsl::SourceRange range;
  /// What a row of a request has that comes without it.
  std::optional<engine::Value> default_value = std::nullopt;
};

/// The rows a flow takes or gives: columns, and perhaps more (`...`).
struct RowType {
  std::vector<DeclaredColumn> columns;
  std::optional<size_t> open_at;  // `...` stands before this column
  dsl::SourceRange range;

  bool is_open() const { return open_at.has_value(); }
};

struct Param {
  dsl::SourceRange range;
  engine::Type type;
  engine::Value value;
};

/// A model or fn: a function of the columns of one row.
struct RowFunction {
  dsl::SourceRange name_range;
  FunctionSpec spec;
  std::vector<DeclaredColumn> params;
  std::vector<DeclaredColumn> results;
  bool is_from_sidecar = false;  // the signature stands beside the file of the model
};

/// Rows that are found by a key.
struct Store {
  FunctionSpec spec;  // its source
  DeclaredColumn key;
  std::vector<DeclaredColumn> results;
};

struct FlowParam {
  std::string name;
  RowType rows;
};

/// A table that a flow gives.
struct FlowResult {
  std::string name;  // empty in `-> Schema`
  RowType rows;
};

struct Declarations;

/// A flow's signature and body.
struct FlowInfo {
  const ast::FlowDecl* decl = nullptr;
  Declarations* home = nullptr;  // of the file it stands in: what its body may name
  std::vector<FlowParam> params;
  std::vector<FlowResult> results;
  bool is_broken = false;  // its signature or body has a mistake, reported already
  bool is_checked = false;
};

/// Everything a file declares or imports, by the names it has there: `f`, or `x.f` after
/// `import x from …`. What has an address here must stay where it is. A declaration with a mistake
/// is left out of its map and noted in `broken` (with those that the parser lost), so that its uses
/// are not reported a second time.
struct Declarations {
  std::map<std::string, Param> params;
  std::map<std::string, RowType> schemas;
  std::map<std::string, RowFunction> functions;
  std::map<std::string, Store> stores;
  std::map<std::string, FlowInfo> flows;  // of the file itself
  std::vector<std::string> flow_order;
  std::map<std::string, FlowInfo*> imported_flows;
  std::vector<std::string> own;                   // what other files may ask for
  std::map<std::string, dsl::SourceRange> names;  // of every item, where it is declared
  std::vector<std::string> broken;
  bool is_badly_set = false;  // a value from outside does not suit its parameter, which is reported
  HintTable hints;
  Facts* facts = nullptr;  // what is learnt of the bodies of flows goes here, if there is one

  /// Null if there is none, or one with a mistake in its declaration.
  FlowInfo* FindFlow(const std::string& name);
  const FlowInfo* FindFlow(const std::string& name) const;
  bool HasFlow(const std::string& name) const;
  std::vector<std::string> FlowNames() const;
  bool IsBroken(std::string_view name) const;
};

struct DeclareOptions {
  const engine::Catalog& catalog;
  std::vector<ParamSetting> params;  // of this file, by their names in it
  /// For each `import` of the file, in order, what that file declares; null if it was not read.
  std::vector<Declarations*> imports;
};

/// What the imports of a module declare, in order; null of those of which nothing is known.
std::vector<Declarations*> ImportsOf(const Module& module, const Modules& modules,
                                     std::vector<Declarations>& all);

/// Fills `declarations`, which must stay where it is.
void Declare(const Module& module, const DeclareOptions& options, Declarations& declarations,
             dsl::Diagnostics& diagnostics);

/// "did you mean `a`?", or all that is known where nothing is near.
std::string Suggest(std::string_view wrong, const std::vector<std::string>& known);
/// The same as help, with an edit where only one is near; `wrong` is all of `diagnostic.where`.
void Suggest(dsl::Diagnostic& diagnostic, std::string_view wrong,
             const std::vector<std::string>& known);

/// A constant written in a declaration: literals, their negation, lists, bare words (as strings).
/// Reports what is none.
std::optional<engine::Value> ConstantOf(const ast::Expr& expr, dsl::Diagnostics& diagnostics);

/// A literal as a value of `type`: an integer fits every number type that holds it, a float every
/// float type. Null if it fits not; `why` then says so.
std::optional<engine::Value> FitLiteral(const engine::Value& literal, const engine::Type& type,
                                        std::string& why);
/// How to report one that does not fit: a number that is too large for its type is another mistake
/// than a value of another type.
dsl::DiagnosticKind KindOfMisfit(const engine::Value& literal, const engine::Type& type);

}  // namespace raceway::compiler
