// The formatter: the same tree, and formatted again the same text.
#include "dsl/format.h"

#include <optional>

#include "dsl/parse.h"
#include "dsl/print.h"
#include "tests/fuzz/target.h"

namespace raceway::fuzz {

const std::string_view kTarget = "format";

std::string Try(const std::string& text) {
  const dsl::Source source("fuzz.flow", text);
  const dsl::ParseResult parsed = dsl::Parse(source);
  const std::optional<std::string> formatted = dsl::Format(source, parsed);
  if (formatted.has_value() == parsed.diagnostics.has_errors()) {
    return "formatted if and only if there is no error";
  }
  if (!formatted) return {};
  const dsl::Source again("fuzz.flow", *formatted);
  const dsl::ParseResult reparsed = dsl::Parse(again);
  if (reparsed.diagnostics.has_errors()) return "an error in:\n" + *formatted;
  dsl::ast::File before = parsed.file;
  before.edition = reparsed.file.edition;  // a missing edition is written
  if (dsl::PrintSyntax(before) != dsl::PrintSyntax(reparsed.file))
    return "another tree:\n" + *formatted;
  const std::optional<std::string> twice = dsl::Format(again, reparsed);
  if (twice != formatted) return "not the same twice:\n" + *formatted;
  return {};
}

}  // namespace raceway::fuzz
