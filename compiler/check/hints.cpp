// Hints: what `with { … }` and the blocks of declarations may say about how, never about what.
#include "compiler/check/hints.h"

#include <algorithm>
#include <utility>

#include "compiler/check/declarations.h"
#include "compiler/check/steps.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

HintOrigin OriginOf(HintPlace place) {
  switch (place) {
    case HintPlace::kDefaults: return HintOrigin::kDefaults;
    case HintPlace::kDeclaration:
    case HintPlace::kLanguageModel: return HintOrigin::kDeclaration;
    case HintPlace::kFlow: return HintOrigin::kFlow;
    case HintPlace::kStep: return HintOrigin::kStep;
  }
  return HintOrigin::kStep;
}

/// What a thing does not do that such a hint is for; nothing for the other hints.
std::string_view IdleVerb(std::string_view hint) {
  if (hint == "load") return "loads no model";
  if (hint == "batch") return "calls no model";
  if (hint == "compete") return "calls nothing";
  return "";
}

/// One block of hints.
class BlockChecker {
 public:
  BlockChecker(HintPlace place, dsl::Diagnostics& diagnostics)
      : place_(place), diagnostics_(diagnostics) {}

  void Check(const ast::Entry& entry) {
    const std::string& name = entry.key.text;
    if (!IsHint(name)) {
      Suggest(Report(DiagnosticKind::kUnknownHint, entry.key.range, "no hint `" + name + "`", ""),
              name, HintNames());
    } else if (CheckPlace(entry) && CheckForm(entry)) {
      const size_t before = num_mistakes_;
      if (entry.value) Set(name, "", *entry.value);
      if (entry.block) CheckMembers(name, *entry.block);
      if (num_mistakes_ == before) NoteNotHonoured(entry.key);
    }
  }

  void CheckAll(const ast::Block& block) {
    for (const ast::Entry& entry : block.entries) {
      if (!ReportTwice(block, entry)) Check(entry);
    }
  }

  Hints TakeHints() { return std::move(hints_); }

 private:
  dsl::Diagnostic& Report(DiagnosticKind kind, dsl::SourceRange where, std::string message,
                          std::string help) {
    ++num_mistakes_;
    dsl::Diagnostic& diagnostic = diagnostics_.Add(kind, where, std::move(message));
    diagnostic.help = std::move(help);
    return diagnostic;
  }

  bool CheckPlace(const ast::Entry& entry) {
    const bool is_part = place_ == HintPlace::kStep || place_ == HintPlace::kDeclaration;
    if (entry.key.text != "slo" || !is_part) return true;
    if (place_ == HintPlace::kStep) {
      Report(DiagnosticKind::kBadSetting, entry.key.range, "a step has no `slo`, the flow has",
             "write it behind the flow's signature: `flow f(…) -> … with { slo { p99: 60ms } }`");
    } else {
      Report(DiagnosticKind::kBadSetting, entry.key.range,
             "only a model with `llm: …` has a `slo`; else the flow has",
             "write it behind the flow's signature: `flow f(…) -> … with { slo { p99: 60ms } }`");
    }
    return false;
  }

  /// `fuse: false`, but `batch { … }`.
  bool CheckForm(const ast::Entry& entry) {
    const std::string& name = entry.key.text;
    const std::vector<std::string> members = MembersOf(name, place_);
    if (members.empty() == entry.value.has_value()) return true;
    if (members.empty()) {
      Report(DiagnosticKind::kBadSetting, entry.range, "`" + name + "` is `true` or `false`",
             name + ": false");
    } else {
      Report(DiagnosticKind::kBadSetting, entry.range, "`" + name + "` has members",
             name + " { " + members.front() + ": … }");
    }
    return false;
  }

  void CheckMembers(const std::string& hint, const ast::Block& block) {
    const std::vector<std::string> members = MembersOf(hint, place_);
    for (const ast::Entry& entry : block.entries) {
      const std::string& member = entry.key.text;
      if (ReportTwice(block, entry)) continue;
      if (!Contains(members, member)) {
        Suggest(Report(DiagnosticKind::kUnknownHint, entry.key.range,
                       "`" + hint + "` has no member `" + member + "`", ""),
                member, members);
      } else if (!entry.value) {
        Report(DiagnosticKind::kBadSetting, entry.range,
               "`" + hint + "." + member + "` is a value, no block", member + ": …");
      } else {
        Set(hint, member, *entry.value);
      }
    }
  }

  void Set(const std::string& hint, const std::string& member, const ast::Expr& value) {
    std::optional<Hint> checked = HintValue(hint, member, value, diagnostics_);
    if (!checked) return void(++num_mistakes_);
    checked->origin = OriginOf(place_);
    SetHint(hints_, *std::move(checked));
  }

  bool ReportTwice(const ast::Block& block, const ast::Entry& entry) {
    for (const ast::Entry& other : block.entries) {
      if (&other == &entry) return false;
      if (other.key.text != entry.key.text) continue;
      ++num_mistakes_;
      diagnostics_
          .Add(DiagnosticKind::kDuplicateName, entry.key.range,
               "`" + entry.key.text + "` is set twice")
          .notes.push_back({other.key.range, "first here"});
      return true;
    }
    return false;
  }

  void NoteNotHonoured(const ast::Name& hint) {
    if (hint.text == "fuse") return;        // by `fuse-chains`
    if (IdleVerb(hint.text) != "") return;  // by what calls; the rest is up to `NoteIdleHint`
    diagnostics_.Add(DiagnosticKind::kHintNotHonoured, hint.range,
                     "the hint `" + hint.text + "` is not honoured yet; results are the same");
  }

  HintPlace place_;
  dsl::Diagnostics& diagnostics_;
  Hints hints_;
  size_t num_mistakes_ = 0;
};

/// Hints that say something about calls of models and functions, not about any step.
bool IsForCalls(const Hint& hint) {
  static const std::vector<std::string> kGroups = {"batch", "compete", "resources", "prewarm",
                                                   "load"};
  return Contains(kGroups, hint.name.substr(0, hint.name.find('.')));
}

bool IsGoal(const Hint& hint) { return hint.name.starts_with("slo."); }

}  // namespace

bool IsHint(std::string_view name) { return Contains(HintNames(), name); }

Hints CheckHints(const ast::Block& block, HintPlace place, dsl::Diagnostics& diagnostics) {
  BlockChecker checker(place, diagnostics);
  checker.CheckAll(block);
  return checker.TakeHints();
}

Hints CheckHint(const ast::Entry& entry, HintPlace place, dsl::Diagnostics& diagnostics) {
  BlockChecker checker(place, diagnostics);
  checker.Check(entry);
  return checker.TakeHints();
}

bool MayLoad(const std::string& kind, const Declarations& declarations) {
  if (kind == "anyof" || kind == "route") return true;
  if (!kind.starts_with("map.")) return !Contains(CoreOperators(), kind);
  const auto function = declarations.functions.find(kind.substr(4));
  return function == declarations.functions.end() ||
         function->second.spec.kind == FunctionSpec::Kind::kModel;
}

bool MayCall(const std::string& kind, const Declarations& declarations) {
  return kind.starts_with("map.") || MayLoad(kind, declarations);
}

void NoteIdleHint(const ast::Name& hint, const std::string& thing, bool is_call,
                  dsl::Diagnostics& diagnostics) {
  if (hint.text == "compete" && is_call) return;
  const std::string verb(IdleVerb(hint.text));
  if (verb.empty()) return;
  diagnostics.Add(DiagnosticKind::kHintNotHonoured, hint.range,
                  "the hint `" + hint.text + "` is not honoured: " + thing + " " + verb +
                      "; results are the same");
}

void CheckHintNames(const Declarations& declarations, dsl::Diagnostics& diagnostics) {
  const auto check = [&](const Hints& hints) {
    const Hint* with = FindHint(hints, "place.with");
    if (with == nullptr) return;
    const std::string& name = *with->value.AsString();
    const bool is_known = declarations.functions.contains(name) || declarations.HasFlow(name);
    if (is_known || declarations.IsBroken(name)) return;
    std::vector<std::string> known = declarations.FlowNames();
    for (const auto& [other, function] : declarations.functions) known.push_back(other);
    diagnostics
        .Add(DiagnosticKind::kUnknownName, with->where, "no model, function or flow `" + name + "`")
        .help = Suggest(name, known);
  };
  check(declarations.hints.defaults);
  for (const auto& [place, hints] : declarations.hints.written) check(hints);
  for (const std::string& name : declarations.own) {
    const auto function = declarations.functions.find(name);
    if (function != declarations.functions.end()) check(function->second.spec.hints);
  }
}

void HintScope::Layer::Leave() {
  if (scope_ != nullptr) scope_->levels_.pop_back();
  scope_ = nullptr;
}

HintScope::Layer HintScope::Enter(const HintTable& table, int32_t begin) {
  levels_.push_back({&table, begin});
  return Layer(*this);
}

Hints HintScope::Merged(const Hints& declared) const {
  if (levels_.empty()) return declared;
  // The defaults of the file that the step stands in.
  Hints merged = levels_.back().table->defaults;
  Overlay(merged, declared);
  for (const auto part : {&HintTable::written, &HintTable::from_outside}) {
    for (const Level& level : levels_) {
      const auto found = (level.table->*part).find(level.begin);
      if (found != (level.table->*part).end()) Overlay(merged, found->second);
    }
  }
  return merged;
}

Hints HintScope::OfStep(const Hints& declared, bool is_called) const {
  Hints merged = Merged(declared);
  std::erase_if(merged,
                [&](const Hint& hint) { return IsGoal(hint) || (!is_called && IsForCalls(hint)); });
  return merged;
}

Hints HintScope::OfFlow() const {
  Hints goals;
  for (Hint& hint : Merged({})) {
    if (!IsGoal(hint)) continue;
    hint.name.erase(0, std::string_view("slo.").size());
    SetHint(goals, std::move(hint));
  }
  return goals;
}

}  // namespace raceway::compiler
