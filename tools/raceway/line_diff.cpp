#include "tools/raceway/line_diff.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace raceway::tools {
namespace {

using Lines = std::vector<std::string_view>;

constexpr size_t kContext = 2;  // lines around a change

Lines Split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

struct Edit {
  char sign;  // ' ', '-', '+'
  std::string_view line;
};

/// A shortest list of edits (Myers, 1986): time and memory go with the number of changes.
class Comparison {
 public:
  Comparison(const Lines& before, const Lines& after) : before_(before), after_(after) {}

  std::vector<Edit> Run() {
    const auto most = static_cast<std::ptrdiff_t>(before_.size() + after_.size());
    // furthest[k + most + 1]: how far in `before` the diagonal k has come.
    std::vector<std::ptrdiff_t> furthest(static_cast<size_t>(2 * most + 3), 0);
    for (std::ptrdiff_t changes = 0; changes <= most; ++changes) {
      history_.emplace_back(furthest.begin() + (most + 1 - changes - 1),
                            furthest.begin() + (most + 1 + changes + 2));
      for (std::ptrdiff_t k = -changes; k <= changes; k += 2) {
        std::ptrdiff_t& x = furthest[static_cast<size_t>(k + most + 1)];
        const std::ptrdiff_t above = furthest[static_cast<size_t>(k + most + 2)];
        const std::ptrdiff_t left = furthest[static_cast<size_t>(k + most)];
        x = k == -changes || (k != changes && left < above) ? above : left + 1;
        while (AreSame(x, x - k)) ++x;
        if (x >= std::ssize(before_) && x - k >= std::ssize(after_)) return WayBack();
      }
    }
    return {};
  }

 private:
  bool AreSame(std::ptrdiff_t x, std::ptrdiff_t y) const {
    return x < std::ssize(before_) && y < std::ssize(after_) &&
           before_[static_cast<size_t>(x)] == after_[static_cast<size_t>(y)];
  }

  /// From the end to the start, through what was furthest before each change.
  std::vector<Edit> WayBack() const {
    std::vector<Edit> edits;
    std::ptrdiff_t x = std::ssize(before_);
    std::ptrdiff_t y = std::ssize(after_);
    for (auto changes = std::ssize(history_) - 1; changes >= 0; --changes) {
      const auto& furthest = history_[static_cast<size_t>(changes)];
      const auto at = [&](std::ptrdiff_t k) {
        return furthest[static_cast<size_t>(k + changes + 1)];
      };
      const std::ptrdiff_t k = x - y;
      const bool is_added = k == -changes || (k != changes && at(k - 1) < at(k + 1));
      const std::ptrdiff_t from = changes == 0 ? 0 : is_added ? at(k + 1) : at(k - 1);
      const std::ptrdiff_t start_k = changes == 0 ? 0 : is_added ? k + 1 : k - 1;
      const std::ptrdiff_t start_y = from - start_k;
      // First what is the same after the change, from its end.
      const std::ptrdiff_t after_change = changes == 0 ? 0 : is_added ? from : from + 1;
      while (x > after_change) edits.push_back({' ', before_[static_cast<size_t>(--x)]}), --y;
      if (changes == 0) break;
      edits.push_back(is_added ? Edit{'+', after_[static_cast<size_t>(start_y)]}
                               : Edit{'-', before_[static_cast<size_t>(from)]});
      x = from;
      y = start_y;
    }
    std::reverse(edits.begin(), edits.end());
    return edits;
  }

  const Lines& before_;
  const Lines& after_;
  std::vector<std::vector<std::ptrdiff_t>> history_;
};

struct Place {
  size_t before = 0;  // lines passed
  size_t after = 0;
  std::string_view block;  // the last line that is not indented
};

void Pass(const Edit& edit, Place& place) {
  if (edit.sign != '+') ++place.before;
  if (edit.sign != '-') ++place.after;
  if (!edit.line.empty() && edit.line.front() != ' ') place.block = edit.line;
}

void AddHunk(const std::vector<Edit>& edits, size_t begin, size_t end, Place& place,
             std::string& text) {
  const Place start = place;
  std::string lines;
  for (size_t i = begin; i < end; ++i) {
    Pass(edits[i], place);
    lines += edits[i].sign;
    lines += edits[i].line;
    lines += '\n';
  }
  const auto range = [](size_t from, size_t to) {
    return std::to_string(to > from ? from + 1 : from) + "," + std::to_string(to - from);
  };
  text +=
      "@@ -" + range(start.before, place.before) + " +" + range(start.after, place.after) + " @@";
  if (!start.block.empty()) text += " " + std::string(start.block);
  text += "\n" + lines;
}

}  // namespace

std::string LineDiff(const std::string& before, const std::string& after) {
  const Lines old_lines = Split(before);
  const Lines new_lines = Split(after);
  const std::vector<Edit> edits = Comparison(old_lines, new_lines).Run();
  const auto next_change = [&](size_t from) {
    while (from < edits.size() && edits[from].sign == ' ') ++from;
    return from;
  };
  std::string text;
  Place place;
  size_t done = 0;
  for (size_t change = next_change(0); change < edits.size();) {
    const size_t begin = std::max(done, change - std::min(change, kContext));
    for (; done < begin; ++done) Pass(edits[done], place);
    size_t last = change;
    for (size_t next = change; next < edits.size() && next <= last + 2 * kContext + 1;
         next = next_change(next + 1)) {
      last = next;
    }
    done = std::min(last + 1 + kContext, edits.size());
    AddHunk(edits, begin, done, place, text);
    change = next_change(done);
  }
  return text;
}

}  // namespace raceway::tools
