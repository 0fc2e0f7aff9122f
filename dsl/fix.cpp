#include "dsl/fix.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>

namespace raceway::dsl {
namespace {

// Each round may bring to light what syntax errors hid.
constexpr int kMaxRounds = 8;
constexpr int kMaxDepth = 2;
constexpr size_t kMaxTrials = 8;

/// How much a diagnostic weighs, the most first.
enum Weight : size_t { kSyntax, kError, kRemark, kNumWeights };
using Weights = std::array<size_t, kNumWeights>;

Weight WeightOf(const Diagnostic& diagnostic) {
  const DiagnosticInfo& info = InfoOf(diagnostic.kind);
  if (info.severity != Severity::kError) return kRemark;
  return info.code.starts_with("E00") || info.code.starts_with("E01") ? kSyntax : kError;
}

Weights WeightsOf(const std::vector<Diagnostic>& diagnostics) {
  Weights weights{};
  for (const Diagnostic& diagnostic : diagnostics) ++weights[WeightOf(diagnostic)];
  return weights;
}

/// True if `num_fixed` of this weight are gone and nothing heavier has come.
bool Pays(const Weights& before, const Weights& after, Weight weight, size_t num_fixed) {
  for (size_t heavier = 0; heavier < weight; ++heavier) {
    if (after[heavier] > before[heavier]) return false;
  }
  return after[weight] + num_fixed <= before[weight];
}

bool IsIn(const TextEdit& edit, const Source& source) {
  return edit.range.begin >= source.base() && edit.range.end <= source.end();
}

class Fixer {
 public:
  /// `depth` says how many edits may follow from one another before one pays.
  Fixer(const Source& source, const CheckText& check, int depth)
      : name_(source.name()), base_(source.base()), check_(check), depth_(depth) {
    result_.text = source.text();
  }

  FixResult Run() {
    found_ = Check(result_.text);
    for (int round = 0; round < kMaxRounds; ++round) {
      if (!FixSome(kSyntax) && !FixSome(kError) && !FixSome(kRemark) && !FixDeeper()) break;
    }
    return std::move(result_);
  }

  Weights weights() const { return WeightsOf(found_); }

 private:
  std::vector<Diagnostic> Check(const std::string& text) const {
    return check_(Source(name_, text, base_)).Sorted();
  }

  /// Fixes what it can of one weight, all from one text.
  bool FixSome(Weight weight) {
    const Source source(name_, result_.text, base_);
    std::vector<Diagnostic> fixable;
    EditSet edits;
    for (const Diagnostic& diagnostic : found_) {
      if (WeightOf(diagnostic) != weight || diagnostic.edits.empty()) continue;
      const bool is_here = std::all_of(diagnostic.edits.begin(), diagnostic.edits.end(),
                                       [&](const TextEdit& edit) { return IsIn(edit, source); });
      if (is_here && edits.Add(diagnostic.edits)) fixable.push_back(diagnostic);
    }
    const Weights before = WeightsOf(found_);
    std::vector<Diagnostic> made;
    Choose(source, before, weight, fixable, made);
    for (Diagnostic& diagnostic : made) {
      result_.places.push_back(source.PositionOf(diagnostic.where.begin));
      result_.fixed.push_back(std::move(diagnostic));
    }
    return !made.empty();
  }

  /// What an edit uncovers may have an edit itself, and both pay where one does not.
  bool FixDeeper() {
    if (depth_ == 0) return false;
    const Source source(name_, result_.text, base_);
    size_t num_tried = 0;
    for (const Diagnostic& diagnostic : found_) {
      const bool is_here = std::all_of(diagnostic.edits.begin(), diagnostic.edits.end(),
                                       [&](const TextEdit& edit) { return IsIn(edit, source); });
      if (diagnostic.edits.empty() || !is_here || ++num_tried > kMaxTrials) continue;
      const Source text(name_, ApplyEdits(source, diagnostic.edits), base_);
      Fixer deeper(text, check_, depth_ - 1);
      FixResult result = deeper.Run();
      if (result.fixed.empty() || deeper.weights() >= weights()) continue;
      result_.places.push_back(source.PositionOf(diagnostic.where.begin));
      result_.fixed.push_back(diagnostic);
      std::move(result.fixed.begin(), result.fixed.end(), std::back_inserter(result_.fixed));
      result_.places.insert(result_.places.end(), result.places.begin(), result.places.end());
      result_.text = std::move(result.text);
      found_ = std::move(deeper.found_);
      return true;
    }
    return false;
  }

  /// Adds to `made` those of `fixes` that pay; where not all do, by halves.
  void Choose(const Source& source, const Weights& before, Weight weight,
              std::span<const Diagnostic> fixes, std::vector<Diagnostic>& made) {
    if (fixes.empty()) return;
    std::vector<Diagnostic> tried = made;
    tried.insert(tried.end(), fixes.begin(), fixes.end());
    std::vector<TextEdit> edits;
    for (const Diagnostic& fix : tried) {
      edits.insert(edits.end(), fix.edits.begin(), fix.edits.end());
    }
    std::string text = ApplyEdits(source, std::move(edits));
    std::vector<Diagnostic> found = Check(text);
    if (Pays(before, WeightsOf(found), weight, tried.size())) {
      made = std::move(tried);
      result_.text = std::move(text);
      found_ = std::move(found);
    } else if (fixes.size() > 1) {
      const size_t half = fixes.size() / 2;
      Choose(source, before, weight, fixes.first(half), made);
      Choose(source, before, weight, fixes.subspan(half), made);
    }
  }

  const std::string name_;
  const int32_t base_;
  const CheckText& check_;
  const int depth_;
  FixResult result_;
  std::vector<Diagnostic> found_;  // in result_.text
};

}  // namespace

FixResult FixAll(const Source& source, const CheckText& check) {
  return Fixer(source, check, kMaxDepth).Run();
}

std::string ApplyEdits(const Source& source, std::vector<TextEdit> edits) {
  std::stable_sort(edits.begin(), edits.end(), [](const TextEdit& a, const TextEdit& b) {
    return a.range.begin < b.range.begin;
  });
  std::string text;
  int32_t end = source.base();
  for (const TextEdit& edit : edits) {
    text += source.Text({end, edit.range.begin});
    text += edit.replacement;
    end = edit.range.end;
  }
  return text += source.Text({end, source.end()});
}

bool EditSet::AddOne(const TextEdit& edit) {
  // Two insertions at one place have no order.
  const auto next = ends_.lower_bound(edit.range.begin);
  if (next != ends_.end() && (next->first == edit.range.begin || next->first < edit.range.end)) {
    return false;
  }
  if (next != ends_.begin() && std::prev(next)->second > edit.range.begin) return false;
  ends_.emplace(edit.range.begin, edit.range.end);
  edits_.push_back(edit);
  return true;
}

bool EditSet::Add(const std::vector<TextEdit>& edits) {
  const size_t num_before = edits_.size();
  if (std::all_of(edits.begin(), edits.end(), [this](const TextEdit& e) { return AddOne(e); })) {
    return true;
  }
  for (; edits_.size() > num_before; edits_.pop_back()) ends_.erase(edits_.back().range.begin);
  return false;
}

}  // namespace raceway::dsl
