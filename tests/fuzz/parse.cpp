// The parser: whatever the bytes are, a tree and diagnostics that can be printed.
#include "dsl/parse.h"

#include "dsl/print.h"
#include "tests/fuzz/target.h"

namespace raceway::fuzz {

const std::string_view kTarget = "parse";

std::string Try(const std::string& text) {
  const dsl::Source source("fuzz.flow", text);
  const dsl::ParseResult parsed = dsl::Parse(source);
  for (const dsl::Diagnostic& diagnostic : parsed.diagnostics.Sorted()) {
    const dsl::SourceRange where = diagnostic.where;
    if (where.begin < 0 || where.begin > where.end) return "a range that is none";
    // What is lacking at the end has its place one behind it.
    if (static_cast<size_t>(where.end) > text.size() + 1) return "a range behind the text";
    if (diagnostic.message.empty()) return "a diagnostic without a word";
  }
  if (Render(parsed.diagnostics, source).empty() != parsed.diagnostics.empty()) {
    return "diagnostics are rendered if there are any";
  }
  if (RenderJson(parsed.diagnostics, source).empty()) return "no JSON";
  // The same text again gives the same tree.
  if (dsl::PrintSyntax(parsed.file) != dsl::PrintSyntax(dsl::Parse(source).file)) {
    return "another tree";
  }
  return {};
}

}  // namespace raceway::fuzz
