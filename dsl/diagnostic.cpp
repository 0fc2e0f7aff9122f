#include "dsl/diagnostic.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "dsl/print.h"

namespace raceway::dsl {

namespace {

using Kind = DiagnosticKind;

// Codes are for ever: a new kind takes the next free number of its group, a dead one leaves a gap.
constexpr DiagnosticInfo kKinds[] = {
    {Kind::kFileTooLarge, "E0001", "file-too-large", Severity::kError},
    {Kind::kInvalidUtf8, "E0002", "invalid-utf8", Severity::kError},
    {Kind::kNestingTooDeep, "E0003", "nesting-too-deep", Severity::kError},
    {Kind::kSyntaxError, "E0101", "syntax-error", Severity::kError},
    {Kind::kUnclosedBracket, "E0102", "unclosed-bracket", Severity::kError},
    {Kind::kForeignSpelling, "E0103", "foreign-spelling", Severity::kError},
    {Kind::kUnknownName, "E0201", "unknown-name", Severity::kError},
    {Kind::kDuplicateName, "E0202", "duplicate-name", Severity::kError},
    {Kind::kUnknownColumn, "E0203", "unknown-column", Severity::kError},
    {Kind::kUnknownOption, "E0204", "unknown-option", Severity::kError},
    {Kind::kTypeMismatch, "E0301", "type-mismatch", Severity::kError},
    {Kind::kShapeMismatch, "E0302", "shape-mismatch", Severity::kError},
    {Kind::kMissingColumn, "E0303", "missing-column", Severity::kError},
    {Kind::kColumnClash, "E0304", "column-clash", Severity::kError},
    {Kind::kNotAnExpression, "E0305", "not-an-expression", Severity::kError},
    {Kind::kBadLiteral, "E0306", "bad-literal", Severity::kError},
    {Kind::kNoSignature, "E0307", "no-signature", Severity::kError},
    {Kind::kBadArguments, "E0401", "bad-arguments", Severity::kError},
    {Kind::kNoReturn, "E0402", "no-return", Severity::kError},
    {Kind::kRecursiveFlow, "E0403", "recursive-flow", Severity::kError},
    {Kind::kUnusedTable, "E0404", "unused-table", Severity::kWarning},
    {Kind::kBadSetting, "E0501", "bad-setting", Severity::kError},
    {Kind::kUnknownHint, "E0502", "unknown-hint", Severity::kError},
    {Kind::kHintNotHonoured, "E0503", "hint-not-honoured", Severity::kWarning},
    {Kind::kUnknownEdition, "E0601", "unknown-edition", Severity::kError},
    {Kind::kMissingEdition, "E0602", "missing-edition", Severity::kWarning},
    {Kind::kBadParameter, "E0603", "bad-parameter", Severity::kError},
    {Kind::kImportCycle, "E0604", "import-cycle", Severity::kError},
    {Kind::kBadImport, "E0605", "bad-import", Severity::kError},
    {Kind::kUnknownImport, "E0606", "unknown-import", Severity::kError},
    {Kind::kUnusedImport, "E0607", "unused-import", Severity::kWarning},
    {Kind::kNotImplemented, "E0701", "not-implemented", Severity::kError},
    {Kind::kRunsInTestsOnly, "E0702", "runs-in-tests-only", Severity::kWarning},
    {Kind::kMissingFile, "E0801", "missing-file", Severity::kError},
    {Kind::kBadModel, "E0802", "bad-model", Severity::kError},
    {Kind::kModelDiffers, "E0803", "model-differs", Severity::kError},
    {Kind::kModelFails, "E0804", "model-fails", Severity::kError},
    {Kind::kBadSidecar, "E0805", "bad-sidecar", Severity::kError},
    {Kind::kBadPlugin, "E0901", "bad-plugin", Severity::kError},
    {Kind::kPluginVersion, "E0902", "plugin-version", Severity::kError},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    if (static_cast<size_t>(kKinds[i].kind) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "kKinds must follow the order of DiagnosticKind");
static_assert(std::size(kKinds) == static_cast<size_t>(Kind::kPluginVersion) + 1);

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Insertions, deletions, replacements and swaps of neighbours; capitals do not count.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::span<const DiagnosticInfo> AllDiagnosticKinds() { return kKinds; }

const DiagnosticInfo& InfoOf(DiagnosticKind kind) { return kKinds[static_cast<size_t>(kind)]; }

Diagnostic& Diagnostics::Add(DiagnosticKind kind, SourceRange where, std::string message) {
  return all_.emplace_back(Diagnostic{kind, where, std::move(message), {}, {}, false, {}});
}

void Diagnostics::Append(const Diagnostics& other) {
  all_.insert(all_.end(), other.all_.begin(), other.all_.end());
}

void Diagnostics::AppendOfTest(const Diagnostics& other) {
  for (const Diagnostic& diagnostic : other.all_) {
    all_.push_back(diagnostic);
    all_.back().is_of_test = true;
  }
}

bool Diagnostics::has_errors() const {
  return std::any_of(all_.begin(), all_.end(), [](const Diagnostic& diagnostic) {
    return InfoOf(diagnostic.kind).severity == Severity::kError;
  });
}

bool Diagnostics::has_errors_of_flows() const {
  return std::any_of(all_.begin(), all_.end(), [](const Diagnostic& diagnostic) {
    return !diagnostic.is_of_test && InfoOf(diagnostic.kind).severity == Severity::kError;
  });
}

std::vector<Diagnostic> Diagnostics::Sorted() const {
  const auto before = [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.where.begin, a.where.end) < std::pair(b.where.begin, b.where.end);
  };
  std::vector<Diagnostic> sorted = all_;
  std::stable_sort(sorted.begin(), sorted.end(), before);
  std::vector<Diagnostic> result;
  bool error_here = false;  // an error at the place of result.back()
  for (Diagnostic& diagnostic : sorted) {
    const bool is_error = InfoOf(diagnostic.kind).severity == Severity::kError;
    if (result.empty() || result.back().where != diagnostic.where) error_here = false;
    if (is_error && error_here) continue;
    error_here = error_here || is_error;
    result.push_back(std::move(diagnostic));
  }
  return result;
}

namespace {

/// `g` for `x.g`, where `x` is an imported file.
bool IsMemberOf(std::string_view name, std::string_view candidate) {
  return !name.empty() && candidate.size() > name.size() && candidate.ends_with(name) &&
         candidate[candidate.size() - name.size() - 1] == '.';
}

/// `conf` for `confidence`.
bool IsShortFor(std::string_view a, std::string_view b) {
  return a.size() >= 3 && b.starts_with(a);
}

}  // namespace

std::vector<std::string> DidYouMean(std::string_view wrong,
                                    std::span<const std::string> candidates) {
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : candidates) {
    if (candidate == wrong) continue;
    const size_t distance = IsMemberOf(wrong, candidate) ? 0 : EditDistance(wrong, candidate);
    if (distance <= wrong.size() / 3) near.emplace_back(distance, candidate);
  }
  for (size_t i = 0; i < candidates.size() && near.empty(); ++i) {
    const bool is_short = IsShortFor(wrong, candidates[i]) || IsShortFor(candidates[i], wrong);
    if (is_short && candidates[i] != wrong) near.emplace_back(0, candidates[i]);
  }
  std::sort(near.begin(), near.end());
  near.erase(std::unique(near.begin(), near.end()), near.end());
  std::vector<std::string> best;
  for (size_t i = 0; i < near.size() && i < 3; ++i) best.push_back(near[i].second);
  return best;
}

void Diagnostic::Fix(std::string how, std::string replacement) {
  help = std::move(how);
  edits = {{where, std::move(replacement)}};
}

void Diagnostic::SuggestName(std::string_view wrong, std::span<const std::string> candidates) {
  help = DidYouMeanText(wrong, candidates);
  const std::vector<std::string> near = DidYouMean(wrong, candidates);
  if (near.size() == 1) edits = {{where, SpellName(near.front())}};
}

std::string DidYouMeanText(std::string_view wrong, std::span<const std::string> candidates) {
  const std::vector<std::string> best = DidYouMean(wrong, candidates);
  if (best.empty()) return "";
  std::string text = "did you mean ";
  for (size_t i = 0; i < best.size(); ++i) {
    if (i > 0) text += i + 1 == best.size() ? " or " : ", ";
    text += "`" + best[i] + "`";
  }
  return text + "?";
}

}  // namespace raceway::dsl
