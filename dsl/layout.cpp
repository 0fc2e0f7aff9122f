#include "dsl/layout.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace raceway::dsl {
namespace {

using Kind = Layout::Kind;

constexpr int kIndentation = 2;

/// A part that is still to be printed.
struct Job {
  const Layout* layout = nullptr;
  int indent = 0;
  bool flat = false;
};

int Width(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xC0) != 0x80;  // what begins a character
  }));
}

/// Puts the parts of `job` on the stack, the first on top.
void PushParts(const Job& job, bool flat, std::vector<Job>& stack) {
  const int indent = job.indent + (job.layout->kind == Kind::kIndent ? kIndentation : 0);
  for (auto part = job.layout->parts.rbegin(); part != job.layout->parts.rend(); ++part) {
    stack.push_back({&*part, indent, flat});
  }
}

/// Measures whether a group fits on what is left of a line, with what follows it up to the next
/// place where the line may end.
class Measure {
 public:
  Measure(int width, int room, bool space, const std::vector<Job>& rest)
      : width_(width), room_(room), space_(space), rest_(rest), num_rest_(rest.size()) {}

  bool Fits(const Job& group) {
    PushParts(group, true, stack_);
    while (room_ >= 0) {
      in_group_ = in_group_ && !stack_.empty();
      if (stack_.empty() && num_rest_ == 0) return true;
      const Answer answer = Add(Next());
      if (answer != Answer::kGoOn) return answer == Answer::kYes;
    }
    return false;
  }

 private:
  enum class Answer { kYes, kNo, kGoOn };

  Job Next() {
    if (stack_.empty()) return rest_[--num_rest_];
    const Job job = stack_.back();
    stack_.pop_back();
    return job;
  }

  Answer Add(const Job& job) {
    switch (job.layout->kind) {
      case Kind::kText: return AddText(job.layout->text);
      case Kind::kIfFlat: return job.flat ? AddText(job.layout->text) : Answer::kGoOn;
      case Kind::kIfBroken: return job.flat ? Answer::kGoOn : AddText(job.layout->text);
      case Kind::kSpace: space_ = true; return Answer::kGoOn;
      case Kind::kLine: space_ = true; return job.flat ? Answer::kGoOn : Answer::kYes;
      case Kind::kSoftLine: return job.flat ? Answer::kGoOn : Answer::kYes;
      case Kind::kHardLine:
      case Kind::kOwnLine: return in_group_ ? Answer::kNo : Answer::kYes;
      case Kind::kEndOfLine: ended_ = true; return Answer::kGoOn;
      case Kind::kBlank: return Answer::kGoOn;
      case Kind::kConcat:
      case Kind::kIndent:
      case Kind::kGroup: PushParts(job, job.flat, stack_); return Answer::kGoOn;
    }
    return Answer::kGoOn;
  }

  Answer AddText(std::string_view text) {
    if (ended_ && text != ",") return in_group_ ? Answer::kNo : Answer::kYes;
    const size_t end = text.find('\n');
    room_ -= Width(text.substr(0, end)) + (std::exchange(space_, false) ? 1 : 0);
    if (end == std::string_view::npos) return Answer::kGoOn;
    if (room_ < 0 || !in_group_) return room_ < 0 ? Answer::kNo : Answer::kYes;
    room_ = width_ - Width(text.substr(text.rfind('\n') + 1));
    return Answer::kGoOn;
  }

  const int width_;
  int room_;
  bool space_;
  const std::vector<Job>& rest_;
  size_t num_rest_;
  std::vector<Job> stack_;
  bool in_group_ = true;
  bool ended_ = false;
};

class Printer {
 public:
  explicit Printer(int width) : width_(width) {}

  std::string Run(const Layout& layout) {
    stack_.push_back({&layout, 0, false});
    while (!stack_.empty()) {
      const Job job = stack_.back();
      stack_.pop_back();
      Print(job);
    }
    EndLine(0);
    return std::move(out_) + (out_.empty() ? "" : "\n");
  }

 private:
  void Print(const Job& job) {
    const Layout& layout = *job.layout;
    switch (layout.kind) {
      case Kind::kText: return Text(layout.text, job.indent);
      case Kind::kIfFlat: return job.flat ? Text(layout.text, job.indent) : void();
      case Kind::kIfBroken: return job.flat ? void() : Text(layout.text, job.indent);
      case Kind::kSpace: space_ = true; return;
      case Kind::kLine: return job.flat ? void(space_ = true) : EndLine(job.indent);
      case Kind::kSoftLine: return job.flat ? void() : EndLine(job.indent);
      case Kind::kHardLine: return EndLine(job.indent);
      case Kind::kBlank:
        if (num_line_ends_ > 0) num_line_ends_ = 2;
        return;
      case Kind::kOwnLine: return OwnLine(layout.text, job.indent);
      case Kind::kEndOfLine: comments_.push_back(layout.text); return;
      case Kind::kConcat:
      case Kind::kIndent: return PushParts(job, job.flat, stack_);
      case Kind::kGroup: return PushParts(job, job.flat || Fits(job), stack_);
    }
  }

  /// In the middle of a line, what follows the comment goes on further in.
  void OwnLine(std::string_view comment, int indent) {
    if (!IsAtLineStart()) {
      indent += kIndentation;
      EndLine(indent);
    }
    Text(comment, indent);
    EndLine(indent);
  }

  bool Fits(const Job& group) const {
    const bool new_line = num_line_ends_ > 0 || !comments_.empty();
    const int column = !new_line           ? column_
                       : comments_.empty() ? indent_
                                           : group.indent + kIndentation;
    return Measure(width_, width_ - column, space_ && !new_line, stack_).Fits(group);
  }

  bool IsAtLineStart() const { return num_line_ends_ > 0 || (out_.empty() && comments_.empty()); }

  /// The next text begins a line.
  void EndLine(int indent) {
    for (std::string& comment : std::exchange(comments_, {})) {
      if (num_line_ends_ > 0) {
        StartLine();
      } else {
        out_ += "  ";
      }
      out_ += comment;
      num_line_ends_ = 1;
    }
    num_line_ends_ = std::max(num_line_ends_, out_.empty() ? 0 : 1);
    indent_ = indent;
    space_ = false;
  }

  void StartLine() {
    if (num_line_ends_ == 0) return;
    out_.append(static_cast<size_t>(num_line_ends_), '\n');
    out_.append(static_cast<size_t>(indent_), ' ');
    num_line_ends_ = 0;
    column_ = indent_;
    space_ = false;
  }

  void Text(std::string_view text, int indent) {
    if (!comments_.empty() && text != ",") EndLine(indent + kIndentation);
    StartLine();
    if (std::exchange(space_, false)) {
      out_ += ' ';
      ++column_;
    }
    out_ += text;
    const size_t line = text.rfind('\n');
    column_ = line == std::string_view::npos ? column_ + Width(text) : Width(text.substr(line + 1));
  }

  const int width_;
  std::string out_;
  std::vector<Job> stack_;
  int num_line_ends_ = 0;  // before the next text: 1, or 2 for an empty line
  int indent_ = 0;         // of the line that begins then
  int column_ = 0;
  bool space_ = false;                 // before the next text, unless it begins a line
  std::vector<std::string> comments_;  // that end this line
};

}  // namespace

std::string PrintLayout(const Layout& layout, int width) { return Printer(width).Run(layout); }

}  // namespace raceway::dsl
