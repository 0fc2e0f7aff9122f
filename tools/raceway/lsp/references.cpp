// Where a name comes from, where it is used, and giving it another name.
#include <algorithm>
#include <set>
#include <string>

#include "tools/raceway/lsp/answers.h"
#include "tools/raceway/lsp/names.h"
#include "tools/raceway/lsp/shown.h"

namespace raceway::tools::lsp {
namespace {

bool IsEmpty(dsl::SourceRange range) { return range.end <= range.begin; }

engine::Error Refused(std::string why) {
  return {engine::ErrorCode::kInvalidArgument, std::move(why)};
}

std::vector<Occurrence> AllAt(const Question& question, const Occurrence& at) {
  return question.analysis.names.AllOf(at.symbol);
}

/// The name under the caret that can be renamed, or why there is none.
engine::Result<Occurrence> Renamable(const Question& question) {
  const Occurrence* at = question.analysis.names.At(question.Offset());
  if (at == nullptr) return Refused("there is no name of yours here");
  const NameIndex& names = question.analysis.names;
  const Symbol& symbol = names.symbols()[at->symbol];
  if (symbol.is_fixed) {
    return Refused("`" + symbol.name + "` is named by its `map(…) as …`: rename the result there");
  }
  if (symbol.kind == NameKind::kImport) {
    return Refused("`" + symbol.name + "` is of another file: rename it there");
  }
  const std::vector<Occurrence> all = names.AllOf(at->symbol);
  const auto is_defined = [](const Occurrence& o) { return o.is_definition; };
  if (std::none_of(all.begin(), all.end(), is_defined)) {
    return Refused("nothing in this file gives `" + symbol.name + "` its name");
  }
  return *at;
}

/// Where the names stand in the document.
std::vector<dsl::SourceRange> InDocument(const Analysis& analysis,
                                         const std::vector<Occurrence>& all) {
  std::vector<dsl::SourceRange> ranges;
  ranges.reserve(all.size());
  for (const Occurrence& one : all) ranges.push_back(analysis.layout.ToDocument(one.range));
  return ranges;
}

/// A text with `name` in the place of each of `all`, which are in its order.
std::string Renamed(const std::string& text, const std::vector<dsl::SourceRange>& all,
                    const std::string& name) {
  std::string renamed;
  size_t end = 0;
  for (const dsl::SourceRange one : all) {
    renamed += text.substr(end, static_cast<size_t>(one.begin) - end) + name;
    end = static_cast<size_t>(one.end);
  }
  return renamed + text.substr(end);
}

/// Where the names of `all` stand once they are as long as `size`.
std::set<int32_t> PlacesAfter(const std::vector<dsl::SourceRange>& all, size_t size) {
  std::set<int32_t> places;
  int32_t shift = 0;
  for (const dsl::SourceRange one : all) {
    places.insert(one.begin + shift);
    shift += static_cast<int32_t>(size) - (one.end - one.begin);
  }
  return places;
}

/// Errors of an analysis, one line each.
std::multiset<std::string> ErrorsOf(const Analysis& analysis) {
  std::multiset<std::string> errors;
  for (const dsl::Diagnostic& diagnostic : analysis.diagnostics.Sorted()) {
    if (dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kError) {
      errors.insert(diagnostic.message);
    }
  }
  return errors;
}

/// Tries it: the renamed text must mean the same. The compiler knows best what is a clash.
std::string WhyNot(const Question& question, const std::vector<Occurrence>& all,
                   const std::string& name) {
  const std::vector<dsl::SourceRange> places = InDocument(question.analysis, all);
  PieceParser parser;
  const Analysis after =
      Analyse(question.analysis.source.name(),
              Renamed(question.document.text().content(), places, name), question.catalog, parser);
  const std::multiset<std::string> before = ErrorsOf(question.analysis);
  const std::multiset<std::string> errors = ErrorsOf(after);
  if (errors.size() > before.size()) {
    for (const std::string& error : errors) {
      if (!before.contains(error)) return error;
    }
  }
  const std::set<int32_t> expected = PlacesAfter(places, name.size());
  const Occurrence* one = after.names.At(after.layout.ToSource(*expected.begin()));
  std::set<int32_t> found;
  if (one != nullptr) {
    for (const dsl::SourceRange other : InDocument(after, after.names.AllOf(one->symbol))) {
      found.insert(other.begin);
    }
  }
  if (found != expected) return name + " has another meaning in one of the places";
  return {};
}

/// The place in the imported file.
Json DefinitionElsewhere(const Question& question, const std::string& name) {
  const dsl::ast::Item* item = Imported(question.analysis, name);
  const dsl::ast::Name* declared = item == nullptr ? nullptr : NameOf(*item);
  if (declared == nullptr) return {};
  const dsl::Source& source = question.analysis.sources.Of(declared->range);
  const Text text(source.text());
  const dsl::SourceRange range{declared->range.begin - source.base(),
                               declared->range.end - source.base()};
  return {{"uri", UriOf(source.name())}, {"range", FromRange(range, text, question.encoding)}};
}

}  // namespace

engine::Result<Json> AnswerDefinition(const Question& question) {
  const Occurrence* at = question.analysis.names.At(question.Offset());
  if (at == nullptr) return Json();
  const Symbol& symbol = question.analysis.names.symbols()[at->symbol];
  if (symbol.kind == NameKind::kImport) return DefinitionElsewhere(question, symbol.name);
  const dsl::SourceRange definition = question.analysis.names.DefinitionOf(at->symbol);
  if (IsEmpty(definition)) return Json();
  return question.Location(definition);
}

engine::Result<Json> AnswerReferences(const Question& question) {
  const Occurrence* at = question.analysis.names.At(question.Offset());
  Json locations = Json::array();
  if (at == nullptr) return locations;
  const bool with_definition =
      question.params.value("/context/includeDeclaration"_json_pointer, true);
  for (const Occurrence& one : AllAt(question, *at)) {
    if (with_definition || !one.is_definition) locations.push_back(question.Location(one.range));
  }
  return locations;
}

engine::Result<Json> AnswerHighlights(const Question& question) {
  constexpr int kRead = 2;
  constexpr int kWrite = 3;
  const Occurrence* at = question.analysis.names.At(question.Offset());
  Json highlights = Json::array();
  if (at == nullptr) return highlights;
  for (const Occurrence& one : AllAt(question, *at)) {
    highlights.push_back(
        {{"range", question.Range(one.range)}, {"kind", one.is_definition ? kWrite : kRead}});
  }
  return highlights;
}

engine::Result<Json> AnswerPrepareRename(const Question& question) {
  const engine::Result<Occurrence> at = Renamable(question);
  if (!at.ok()) return at.error();
  return Json{{"range", question.Range(at->range)},
              {"placeholder", question.analysis.names.symbols()[at->symbol].name}};
}

engine::Result<Json> AnswerRename(const Question& question) {
  const engine::Result<Occurrence> at = Renamable(question);
  if (!at.ok()) return at.error();
  const auto& wanted = question.params.at("newName").get_ref<const std::string&>();
  if (wanted.empty() || wanted.find_first_of("`\r\n.") != std::string::npos) {
    return Refused("`" + wanted + "` is no name");
  }
  const std::string name = Quoted(wanted);
  const std::vector<Occurrence> all = AllAt(question, *at);
  if (const std::string why = WhyNot(question, all, name); !why.empty()) {
    return Refused("`" + wanted + "` cannot be its name: " + why);
  }
  Json edits = Json::array();
  for (const Occurrence& one : all) {
    edits.push_back({{"range", question.Range(one.range)}, {"newText", name}});
  }
  return Json{{"changes", {{question.document.uri(), std::move(edits)}}}};
}

}  // namespace raceway::tools::lsp
