#pragma once

#include <string>
#include <string_view>

#include "compiler/check/facts.h"
#include "dsl/ast.h"
#include "dsl/source.h"

/// Parts of a file as an editor shows them.
namespace raceway::tools::lsp {

/// The item's first lines as written, without its block: `model m(x: f32) -> (y: f32)`.
std::string HeaderOf(const dsl::ast::Item& item, const dsl::Source& source);
/// The `///` lines before it.
std::string DocOf(const dsl::ast::Item& item);
/// The name it declares; null for `import`, `defaults`, `test`.
const dsl::ast::Name* NameOf(const dsl::ast::Item& item);
dsl::SourceRange RangeOf(const dsl::ast::Item& item);
/// The item that declares `name`, or null.
const dsl::ast::Item* FindItem(const dsl::ast::File& file, std::string_view name);

/// `(id: i64, px: u8[H, W, 3], ...)`, one column a line where that is too long for one.
std::string Shown(const compiler::TableFact& table);
/// Text in a block of code of the language.
std::string AsCode(std::string_view code);
/// A name as it must be written: in backquotes if it is none otherwise.
std::string Quoted(std::string_view name);

}  // namespace raceway::tools::lsp
