// Diagnostics in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS, 2020).

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/json_text.h"

namespace raceway::dsl {
namespace {

constexpr char kHead[] = R"({
  "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json",
  "version": "2.1.0",
  "runs": [{
    "columnKind": "unicodeCodePoints",
    "tool": {"driver": {"name": "raceway", "rules": [)";

/// The name of a file as a URI reference: `a b.flow` is `a%20b.flow`.
std::string UriOf(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~/";
  std::string uri;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || kPlain.find(c) != std::string_view::npos;
    if (is_plain) {
      uri += c;
    } else {
      uri += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return uri;
}

template <typename Values, typename Print>
std::string Array(const Values& values, Print print) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + print(value);
  return "[" + text + "]";
}

std::string Message(std::string_view text) { return "{" + JsonMember("text", text) + "}"; }

class SarifPrinter {
 public:
  explicit SarifPrinter(const SourceSet& sources) : sources_(sources) {}

  std::string Run(const std::vector<Diagnostic>& diagnostics) {
    std::vector<DiagnosticKind> kinds;
    kinds.reserve(diagnostics.size());
    for (const Diagnostic& diagnostic : diagnostics) kinds.push_back(diagnostic.kind);
    std::sort(kinds.begin(), kinds.end());
    kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
    std::string rules;
    for (const DiagnosticKind kind : kinds) rules += (rules.empty() ? "\n" : ",\n") + Rule(kind);
    std::string results;
    for (const Diagnostic& diagnostic : diagnostics) {
      const auto index = std::lower_bound(kinds.begin(), kinds.end(), diagnostic.kind);
      results += (results.empty() ? "\n" : ",\n") + Result(diagnostic, index - kinds.begin());
    }
    return kHead + rules + "]}},\n    \"results\": [" + results + "]\n  }]\n}\n";
  }

 private:
  static std::string LevelOf(DiagnosticKind kind) {
    constexpr std::string_view kLevels[] = {"note", "warning", "error"};
    return JsonMember("level", kLevels[static_cast<size_t>(InfoOf(kind).severity)]);
  }

  static std::string Rule(DiagnosticKind kind) {
    const DiagnosticInfo& info = InfoOf(kind);
    return "      {" + JsonMember("id", info.code) + ", " + JsonMember("name", info.name) +
           ", \"defaultConfiguration\": {" + LevelOf(kind) + "}}";
  }

  std::string Result(const Diagnostic& diagnostic, std::ptrdiff_t rule) const {
    std::string text = diagnostic.message;
    if (!diagnostic.help.empty()) text += "\nhelp: " + diagnostic.help;
    std::string result = "      {" + JsonMember("ruleId", InfoOf(diagnostic.kind).code) +
                         ", \"ruleIndex\": " + std::to_string(rule) + ", " +
                         LevelOf(diagnostic.kind) + ", \"message\": " + Message(text) +
                         ",\n       \"locations\": [{" + Physical(diagnostic.where) + "}]";
    if (!diagnostic.notes.empty()) {
      const auto print = [this](const DiagnosticNote& note) {
        return "{" + Physical(note.where) + ", \"message\": " + Message(note.message) + "}";
      };
      result += ",\n       \"relatedLocations\": " + Array(diagnostic.notes, print);
    }
    if (!diagnostic.edits.empty()) result += ",\n       \"fixes\": [" + Fix(diagnostic) + "]";
    return result + "}";
  }

  /// The edits of a diagnostic are all in one file.
  std::string Fix(const Diagnostic& diagnostic) const {
    const auto print = [this](const TextEdit& edit) {
      return "{\"deletedRegion\": " + Region(edit.range) +
             ", \"insertedContent\": " + Message(edit.replacement) + "}";
    };
    return "{\"description\": " + Message(diagnostic.help) + ", \"artifactChanges\": [{" +
           Artifact(diagnostic.edits.front().range) +
           ", \"replacements\": " + Array(diagnostic.edits, print) + "}]}";
  }

  std::string Physical(SourceRange where) const {
    return "\"physicalLocation\": {" + Artifact(where) + ", \"region\": " + Region(where) + "}";
  }

  std::string Artifact(SourceRange where) const {
    return "\"artifactLocation\": {" + JsonMember("uri", UriOf(sources_.Of(where).name())) + "}";
  }

  std::string Region(SourceRange where) const {
    const Source& source = sources_.Of(where);
    const Position begin = source.PositionOf(where.begin);
    const Position end = source.PositionOf(std::max(where.begin, where.end));
    return "{\"startLine\": " + std::to_string(begin.line) +
           ", \"startColumn\": " + std::to_string(begin.column) +
           ", \"endLine\": " + std::to_string(end.line) +
           ", \"endColumn\": " + std::to_string(end.column) + "}";
  }

  const SourceSet& sources_;
};

}  // namespace

std::string RenderSarif(const Diagnostics& diagnostics, const SourceSet& sources) {
  return SarifPrinter(sources).Run(diagnostics.Sorted());
}

}  // namespace raceway::dsl
