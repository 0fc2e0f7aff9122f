#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/check/facts.h"
#include "dsl/ast.h"
#include "dsl/source.h"

namespace raceway::tools::lsp {

enum class NameKind { kParam, kSchema, kStore, kModel, kFn, kFlow, kImport, kTable, kColumn };

/// Something with a name of the author's, and all the places where it stands.
struct Symbol {
  NameKind kind = NameKind::kColumn;
  std::string name;
  std::string type;             // of a column
  dsl::SourceRange definition;  // the name alone; empty if the text does not define it by a name
  /// What can be renamed only by what it is made of: `s.top` of `map(f) as s`.
  bool is_fixed = false;
};

struct Occurrence {
  dsl::SourceRange range;
  size_t symbol = 0;
  bool is_definition = false;
};

/// Who is who in a file: definitions and uses of items, tables and columns.
///
/// Columns that must have one name (a parameter of a model and the column that `map` gives it, the
/// columns of a `union`) are symbols of their own, tied together: renaming one means all.
class NameIndex {
 public:
  const std::vector<Symbol>& symbols() const { return symbols_; }
  /// In the order of the source.
  const std::vector<Occurrence>& occurrences() const { return occurrences_; }
  /// The innermost at `offset`, also just behind its end; null if there is none.
  const Occurrence* At(int32_t offset) const;
  /// Of the symbol and those tied to it.
  std::vector<Occurrence> AllOf(size_t symbol) const;
  /// Where it is defined; a column that has no name of its own there, where what it is tied to is.
  dsl::SourceRange DefinitionOf(size_t symbol) const;

 private:
  friend class NameFinder;

  size_t Root(size_t symbol) const;

  std::vector<Symbol> symbols_;
  std::vector<Occurrence> occurrences_;
  mutable std::vector<size_t> parents_;  // union-find over symbols
};

NameIndex IndexNames(const dsl::ast::File& file, const compiler::Facts& facts);

}  // namespace raceway::tools::lsp
