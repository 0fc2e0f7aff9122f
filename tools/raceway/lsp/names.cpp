#include "tools/raceway/lsp/names.h"

#include <algorithm>
#include <numeric>

#include "tools/raceway/lsp/name_finder.h"

namespace raceway::tools::lsp {

const Occurrence* NameIndex::At(int32_t offset) const {
  const auto is_later = [](int32_t place, const Occurrence& o) { return place < o.range.begin; };
  auto it = std::upper_bound(occurrences_.begin(), occurrences_.end(), offset, is_later);
  // Two names never overlap, so what begins last before the place is the one, if any is.
  if (it == occurrences_.begin()) return nullptr;
  --it;
  return offset <= it->range.end ? &*it : nullptr;
}

size_t NameIndex::Root(size_t symbol) const {
  while (parents_[symbol] != symbol) {
    parents_[symbol] = parents_[parents_[symbol]];
    symbol = parents_[symbol];
  }
  return symbol;
}

std::vector<Occurrence> NameIndex::AllOf(size_t symbol) const {
  std::vector<Occurrence> all;
  const size_t root = Root(symbol);
  for (const Occurrence& occurrence : occurrences_) {
    if (Root(occurrence.symbol) == root) all.push_back(occurrence);
  }
  return all;
}

dsl::SourceRange NameIndex::DefinitionOf(size_t symbol) const {
  const dsl::SourceRange own = symbols_[symbol].definition;
  if (own.end > own.begin) return own;
  const size_t root = Root(symbol);
  for (size_t i = 0; i < symbols_.size(); ++i) {
    const dsl::SourceRange other = symbols_[i].definition;
    if (Root(i) == root && other.end > other.begin) return other;
  }
  return own;
}

NameIndex IndexNames(const dsl::ast::File& file, const compiler::Facts& facts) {
  return NameFinder(file, facts).Run();
}

}  // namespace raceway::tools::lsp
