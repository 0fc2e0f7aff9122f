// Diagnostics as text for people.

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "dsl/diagnostic.h"
#include "dsl/literal.h"

namespace raceway::dsl {

namespace {

constexpr int kTabWidth = 4;
constexpr int kMaxWidth = 160;  // a longer line is shown in part

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kBlue = "\x1b[1;34m";
constexpr std::string_view kCyan = "\x1b[1;36m";
constexpr std::string_view kReset = "\x1b[0m";

// Blocks of characters that take two columns in a terminal, and those that take none.
constexpr std::pair<char32_t, char32_t> kWide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},  {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
constexpr std::pair<char32_t, char32_t> kNarrow[] = {
    {0x0300, 0x036F}, {0x0591, 0x05BD}, {0x064B, 0x065F}, {0x200B, 0x200F},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0x1F3FB, 0x1F3FF}};

template <size_t n>
bool IsIn(char32_t c, const std::pair<char32_t, char32_t> (&blocks)[n]) {
  return std::any_of(std::begin(blocks), std::end(blocks),
                     [c](const auto& block) { return block.first <= c && c <= block.second; });
}

int WidthOf(char32_t c) { return IsIn(c, kNarrow) ? 0 : IsIn(c, kWide) ? 2 : 1; }

/// One line as a terminal shows it, and where each of its bytes lies there.
struct ShownLine {
  std::string text;
  std::vector<int> columns;  // of each byte and of the end, from 0
};

// Tabs become spaces; what is no text (control characters, bad bytes) becomes �.
ShownLine ShowLine(std::string_view line) {
  ShownLine shown;
  int column = 0;
  for (size_t i = 0; i < line.size();) {
    const size_t begin = i;
    const std::string_view rest = line.substr(i, 4);
    int width = 1;
    if (line[i] == '\t') {
      width = kTabWidth - column % kTabWidth;
      shown.text.append(static_cast<size_t>(width), ' ');
      ++i;
    } else if (FindInvalidUtf8(rest) == 0 || static_cast<unsigned char>(line[i]) < 0x20 ||
               line[i] == 0x7F) {
      shown.text += "\uFFFD";
      ++i;
    } else {
      width = WidthOf(NextCharacter(line, i));
      shown.text += line.substr(begin, i - begin);
    }
    shown.columns.insert(shown.columns.end(), i - begin, column);
    column += width;
  }
  shown.columns.push_back(column);
  return shown;
}

/// A place to underline in one line.
struct Label {
  const Source* source;
  int32_t line;
  size_t begin;  // bytes from the start of the line
  size_t end;
  bool is_primary;
  std::string message;
};

class Renderer {
 public:
  Renderer(const SourceSet& sources, RenderOptions options)
      : sources_(sources), options_(options) {}

  std::string Run(const Diagnostics& diagnostics) {
    int errors = 0;
    for (const Diagnostic& diagnostic : diagnostics.Sorted()) {
      const bool is_error = InfoOf(diagnostic.kind).severity == Severity::kError;
      if (is_error && ++errors > options_.max_errors) continue;
      if (!out_.empty()) out_ += '\n';
      RenderOne(diagnostic);
    }
    if (errors > options_.max_errors) {
      const int more = errors - options_.max_errors;
      out_ += "\nand " + std::to_string(more) + (more == 1 ? " more error\n" : " more errors\n");
    }
    return std::move(out_);
  }

 private:
  void RenderOne(const Diagnostic& diagnostic) {
    std::vector<Label> labels = {LabelOf(diagnostic.where, true, "")};
    for (const DiagnosticNote& note : diagnostic.notes) {
      labels.push_back(LabelOf(note.where, false, note.message));
    }
    gutter_ = WidestNumber(labels);
    // The file of the mistake comes first, each from top to bottom.
    const Source& here = *labels.front().source;
    const auto place = [&](const Label& label) {
      return std::tuple(label.source != &here, label.source->base(), label.line);
    };
    std::stable_sort(labels.begin(), labels.end(),
                     [&](const Label& a, const Label& b) { return place(a) < place(b); });

    const DiagnosticInfo& info = InfoOf(diagnostic.kind);
    tone_ = info.severity == Severity::kError ? kRed : kYellow;
    const std::string word = info.severity == Severity::kError     ? "error"
                             : info.severity == Severity::kWarning ? "warning"
                                                                   : "note";
    out_ += Paint(tone_, word + "[" + std::string(info.code) + "]") +
            Paint(kBold, ": " + diagnostic.message) + "\n";
    RenderPlace("--> ", here, diagnostic.where.begin);
    const Source* shown = &here;
    for (size_t i = 0; i < labels.size();) {
      size_t end = i;
      while (end < labels.size() && labels[end].line == labels[i].line &&
             labels[end].source == labels[i].source) {
        ++end;
      }
      if (labels[i].source != shown) {
        shown = labels[i].source;
        RenderPlace("::: ", *shown,
                    shown->LineStart(labels[i].line) + static_cast<int32_t>(labels[i].begin));
      }
      RenderLine({labels.begin() + static_cast<std::ptrdiff_t>(i),
                  labels.begin() + static_cast<std::ptrdiff_t>(end)});
      i = end;
    }
    if (!diagnostic.help.empty()) out_ += Paint(kCyan, "help") + ": " + diagnostic.help + "\n";
  }

  static size_t WidestNumber(const std::vector<Label>& labels) {
    int32_t greatest = 1;
    for (const Label& label : labels) greatest = std::max(greatest, label.line);
    return std::to_string(greatest).size();
  }

  // " --> a.flow:3:5"
  void RenderPlace(std::string_view arrow, const Source& source, int32_t offset) {
    const Position at = source.PositionOf(offset);
    out_ += std::string(gutter_, ' ') + Paint(kBlue, arrow) + source.name() + ":" +
            std::to_string(at.line) + ":" + std::to_string(at.column) + "\n";
    out_ += std::string(gutter_ + 1, ' ') + Paint(kBlue, "|") + "\n";
  }

  // A range of several lines is underlined in its first.
  Label LabelOf(SourceRange where, bool is_primary, std::string message) const {
    const Source& source = sources_.Of(where);
    const int32_t line = source.LineOf(where.begin);
    const int32_t start = source.LineStart(line);
    const int32_t size = static_cast<int32_t>(source.Line(line).size());
    const int32_t begin = std::clamp(where.begin - start, 0, size);
    const int32_t end = std::clamp(where.end - start, begin, size);
    return {
        &source,           line, static_cast<size_t>(begin), static_cast<size_t>(end), is_primary,
        std::move(message)};
  }

  void RenderLine(std::vector<Label> labels) {
    const ShownLine shown = ShowLine(labels.front().source->Line(labels.front().line));
    std::stable_sort(labels.begin(), labels.end(),
                     [](const Label& a, const Label& b) { return a.is_primary > b.is_primary; });
    const int first = FirstColumn(shown, labels.front());
    const std::string number = std::to_string(labels.front().line);
    std::string text = Window(shown.text, first);
    if (!text.empty()) text.insert(0, " ");
    out_ += Paint(kBlue, std::string(gutter_ - number.size(), ' ') + number + " |") + text + "\n";
    for (const Label& label : labels) {
      const int begin = shown.columns[label.begin];
      if (begin < first || begin > first + kMaxWidth) continue;
      const int end = std::min(shown.columns[label.end], first + kMaxWidth);
      const std::string marks(static_cast<size_t>(std::max(end - begin, 1)),
                              label.is_primary ? '^' : '-');
      out_ += Paint(kBlue, std::string(gutter_ + 1, ' ') + "|") +
              std::string(static_cast<size_t>(begin - first + 1), ' ') +
              Paint(label.is_primary ? tone_ : kBlue,
                    marks + (label.message.empty() ? "" : " " + label.message)) +
              "\n";
    }
  }

  // The column at which a long line is entered, so that `label` can be seen.
  static int FirstColumn(const ShownLine& shown, const Label& label) {
    const int width = shown.columns.back();
    if (width <= kMaxWidth) return 0;
    return std::clamp(shown.columns[label.begin] - kMaxWidth / 2, 0, width - kMaxWidth);
  }

  // The columns [first, first + kMaxWidth) of a line.
  static std::string Window(std::string_view text, int first) {
    std::string part;
    int column = 0;
    for (size_t i = 0; i < text.size();) {
      const size_t begin = i;
      const int width = WidthOf(NextCharacter(text, i));
      if (column >= first && column + width <= first + kMaxWidth) {
        part += text.substr(begin, i - begin);
      }
      column += width;
    }
    return part;
  }

  std::string Paint(std::string_view color, std::string_view text) const {
    if (!options_.color) return std::string(text);
    return std::string(color) + std::string(text) + std::string(kReset);
  }

  const SourceSet& sources_;
  RenderOptions options_;
  std::string out_;
  size_t gutter_ = 1;  // digits of the greatest line number
  std::string_view tone_ = kRed;
};

}  // namespace

std::string Render(const Diagnostics& diagnostics, const SourceSet& sources,
                   RenderOptions options) {
  return Renderer(sources, options).Run(diagnostics);
}

}  // namespace raceway::dsl
