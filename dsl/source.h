#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::dsl {

/// Half-open range of bytes in one source: [begin, end). Offsets count from the source's base, so
/// that of several files each range is in one (`SourceSet`).
struct SourceRange {
  int32_t begin = 0;
  int32_t end = 0;

  friend bool operator==(const SourceRange&, const SourceRange&) = default;
};

/// The smallest range that holds both.
SourceRange Cover(SourceRange a, SourceRange b);

/// A place for people: line and column count from 1, columns in code points.
struct Position {
  int32_t line = 1;
  int32_t column = 1;
};

/// The text of one file and its name as the user gave it. Immutable; cheap look-ups by line.
/// Offsets, taken and given, begin at `base`, which is 0 for a file alone.
///
/// Limits   files over `kMaxBytes` are refused by `Parse`, not here
/// Threads  const members may be called from any thread
class Source {
 public:
  static constexpr int32_t kMaxBytes = 1 << 20;

  Source(std::string name, std::string text, int32_t base = 0);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  int32_t base() const { return base_; }
  int32_t end() const { return base_ + static_cast<int32_t>(text_.size()); }
  std::string_view Text(SourceRange range) const;
  /// Reads the line up to there.
  Position PositionOf(int32_t offset) const;
  int32_t LineOf(int32_t offset) const;
  int32_t num_lines() const { return static_cast<int32_t>(line_starts_.size()); }
  /// The line without its end of line; `line` counts from 1.
  std::string_view Line(int32_t line) const;
  /// Offset of the first character of `line`.
  int32_t LineStart(int32_t line) const;

 private:
  std::string name_;
  std::string text_;
  int32_t base_;
  std::vector<int32_t> line_starts_;
};

}  // namespace raceway::dsl
