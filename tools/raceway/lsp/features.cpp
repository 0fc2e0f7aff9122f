#include "tools/raceway/lsp/features.h"

#include <array>

namespace raceway::tools::lsp {
namespace {

constexpr std::array<Feature, 0> kFeatures = {};

}  // namespace

int32_t Question::Offset() const {
  return document.text().OffsetOf(ToPlace(params.at("position")), encoding);
}

Json Question::Range(dsl::SourceRange range) const {
  return FromRange(range, document.text(), encoding);
}

Json Question::Location(dsl::SourceRange range) const {
  return {{"uri", document.uri()}, {"range", Range(range)}};
}

std::span<const Feature> AllFeatures() { return kFeatures; }

Json Capabilities(Encoding encoding) {
  constexpr int kIncremental = 2;
  return {
      {"positionEncoding", encoding == Encoding::kUtf8 ? "utf-8" : "utf-16"},
      {"textDocumentSync",
       {{"openClose", true}, {"change", kIncremental}, {"save", {{"includeText", false}}}}},
  };
}

}  // namespace raceway::tools::lsp
