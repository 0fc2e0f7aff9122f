// Diagnostics as JSON for tools.

#include <algorithm>
#include <string>
#include <string_view>

#include "dsl/diagnostic.h"
#include "dsl/json_text.h"

namespace raceway::dsl {
namespace {

std::string PlaceMembers(SourceRange range, const SourceSet& sources) {
  const Source& source = sources.Of(range);
  const Position begin = source.PositionOf(range.begin);
  const Position end = source.PositionOf(std::max(range.begin, range.end));
  return JsonMember("file", source.name()) + ", \"line\": " + std::to_string(begin.line) +
         ", \"column\": " + std::to_string(begin.column) +
         ", \"end_line\": " + std::to_string(end.line) +
         ", \"end_column\": " + std::to_string(end.column);
}

}  // namespace

std::string RenderJson(const Diagnostics& diagnostics, const SourceSet& sources) {
  constexpr std::string_view kSeverities[] = {"note", "warning", "error"};
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics.Sorted()) {
    const DiagnosticInfo& info = InfoOf(diagnostic.kind);
    std::string notes;
    for (const DiagnosticNote& note : diagnostic.notes) {
      notes += std::string(notes.empty() ? "" : ", ") + "{" + JsonMember("message", note.message) +
               ", " + PlaceMembers(note.where, sources) + "}";
    }
    std::string edits;
    for (const TextEdit& edit : diagnostic.edits) {
      edits += std::string(edits.empty() ? "" : ", ") + "{" +
               JsonMember("replacement", edit.replacement) + ", " +
               PlaceMembers(edit.range, sources) + "}";
    }
    all += std::string(all.empty() ? "\n" : ",\n") + "  {" + JsonMember("code", info.code) + ", " +
           JsonMember("name", info.name) + ", " +
           JsonMember("severity", kSeverities[static_cast<size_t>(info.severity)]) + ",\n   " +
           JsonMember("message", diagnostic.message) + ",\n   " +
           PlaceMembers(diagnostic.where, sources) + ",\n   \"notes\": [" + notes + "], " +
           JsonMember("help", diagnostic.help) + ", \"edits\": [" + edits + "]}";
  }
  return "[" + all + (all.empty() ? "]\n" : "\n]\n");
}

}  // namespace raceway::dsl
