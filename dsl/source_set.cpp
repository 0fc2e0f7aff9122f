#include "dsl/source_set.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace raceway::dsl {

SourceSet::SourceSet(Source only) { Add(std::move(only)); }

// One beyond the last byte: a range at the end of one file is no range of the next.
int32_t SourceSet::NextBase() const { return all_.empty() ? 0 : all_.back()->end() + 1; }

const Source& SourceSet::Add(Source source) {
  assert(source.base() >= NextBase());
  all_.push_back(std::make_shared<const Source>(std::move(source)));
  return *all_.back();
}

const Source& SourceSet::Of(int32_t offset) const {
  assert(!all_.empty());
  const auto starts_later = [](int32_t place, const std::shared_ptr<const Source>& source) {
    return place < source->base();
  };
  const auto next = std::upper_bound(all_.begin() + 1, all_.end(), offset, starts_later);
  return **(next - 1);
}

}  // namespace raceway::dsl
