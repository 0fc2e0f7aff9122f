// Hints: what `with { … }` and the blocks of declarations may say about how, never about what.
#include <algorithm>
#include <array>

#include "compiler/check/declarations.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;

const std::vector<std::string>& HintNames() {
  static const std::vector<std::string> kNames = {"batch",   "compete", "place", "resources",
                                                  "prewarm", "load",    "fuse",  "slo"};
  return kNames;
}

}  // namespace

bool IsHint(std::string_view name) {
  const auto& names = HintNames();
  return std::find(names.begin(), names.end(), name) != names.end();
}

void CheckHint(const ast::Entry& entry, dsl::Diagnostics& diagnostics) {
  if (IsHint(entry.key.text)) {
    diagnostics.Add(DiagnosticKind::kHintNotHonoured, entry.key.range,
                    "the hint `" + entry.key.text + "` is not honoured yet; results are the same");
    return;
  }
  diagnostics.Add(DiagnosticKind::kUnknownHint, entry.key.range, "no hint `" + entry.key.text + "`")
      .help = Suggest(entry.key.text, HintNames());
}

void CheckHints(const ast::Block& block, dsl::Diagnostics& diagnostics) {
  for (const ast::Entry& entry : block.entries) CheckHint(entry, diagnostics);
}

}  // namespace raceway::compiler
