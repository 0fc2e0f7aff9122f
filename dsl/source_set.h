#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dsl/source.h"

namespace raceway::dsl {

/// The files of one compilation, end to end in one space of offsets, so that a `SourceRange` alone
/// says in which file it is. The first is the one the user named. Cheap to copy: texts are shared.
///
/// Limits   2 GiB of offsets: add no file whose end lies beyond
/// Threads  const members may be called from any thread
class SourceSet {
 public:
  SourceSet() = default;
  /// A file alone is a set.
  SourceSet(Source only);  // NOLINT: implicit

  /// Where the next file has to begin: pass it to the constructor of its `Source`.
  int32_t NextBase() const;
  /// Adds a file with `source.base() >= NextBase()`. The reference holds as long as a copy of
  /// the set.
  const Source& Add(Source source);

  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }
  const Source& operator[](size_t index) const { return *all_[index]; }
  const Source& main() const { return *all_.front(); }

  /// The file that `offset` lies in; there must be one file at least.
  const Source& Of(int32_t offset) const;
  const Source& Of(SourceRange range) const { return Of(range.begin); }

 private:
  std::vector<std::shared_ptr<const Source>> all_;  // by their base
};

}  // namespace raceway::dsl
