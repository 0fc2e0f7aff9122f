// What changes the text: the canonical form, and the edits that mend a mistake.
#include <algorithm>
#include <string>
#include <string_view>

#include "dsl/format.h"
#include "tools/raceway/lsp/answers.h"

namespace raceway::tools::lsp {
namespace {

/// One edit of the lines that differ.
Json EditOf(const Question& question, std::string_view before, std::string_view after) {
  size_t front = 0;
  const size_t most = std::min(before.size(), after.size());
  while (front < most && before[front] == after[front]) ++front;
  while (front > 0 && before[front - 1] != '\n') --front;
  size_t back = 0;
  while (back < most - front &&
         before[before.size() - 1 - back] == after[after.size() - 1 - back]) {
    ++back;
  }
  while (back > 0 && before[before.size() - 1 - back] != '\n') --back;
  const dsl::SourceRange range{static_cast<int32_t>(front),
                               static_cast<int32_t>(before.size() - back)};
  return {{"range", FromRange(range, question.document.text(), question.encoding)},
          {"newText", after.substr(front, after.size() - back - front)}};
}

bool Touches(dsl::SourceRange a, dsl::SourceRange b) {
  return a.begin <= b.end && b.begin <= a.end;
}

}  // namespace

engine::Result<Json> AnswerFormatting(const Question& question) {
  const std::string& text = question.document.text().content();
  const dsl::Source source(question.analysis.source.name(), text);
  const std::optional<std::string> formatted = dsl::Format(source, dsl::Parse(source));
  // With a mistake in the text it is not known what is meant: it stays as it is.
  if (!formatted || *formatted == text) return Json::array();
  return Json::array({EditOf(question, text, *formatted)});
}

engine::Result<Json> AnswerCodeActions(const Question& question) {
  const dsl::SourceRange asked =
      ToRange(question.params.at("range"), question.document.text(), question.encoding);
  Json actions = Json::array();
  for (const dsl::Diagnostic& diagnostic : question.analysis.diagnostics.Sorted()) {
    const dsl::SourceRange where = question.analysis.layout.ToDocument(diagnostic.where);
    if (diagnostic.edits.empty() || !Touches(where, asked)) continue;
    Json edits = Json::array();
    for (const dsl::TextEdit& edit : diagnostic.edits) {
      edits.push_back({{"range", question.Range(edit.range)}, {"newText", edit.replacement}});
    }
    actions.push_back({{"title", diagnostic.help.empty() ? diagnostic.message : diagnostic.help},
                       {"kind", "quickfix"},
                       {"isPreferred", true},
                       {"edit", {{"changes", {{question.document.uri(), std::move(edits)}}}}}});
  }
  return actions;
}

}  // namespace raceway::tools::lsp
