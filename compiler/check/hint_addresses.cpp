// Hints of the command line: which flow or step each is for.
#include "compiler/check/hint_addresses.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "compiler/check/flow_steps.h"
#include "dsl/parse.h"

namespace raceway::compiler {
namespace {

/// What an address is made of.
struct Address {
  std::string flow;
  std::string step;  // empty for the flow itself
  std::string hint;
  std::string member;  // empty for a hint that is a value
};

/// A mistake in the call. Thrown within this file only.
struct Mistake {
  std::string what;
};

std::string With(std::string text, const std::string& hint) {
  return hint.empty() ? text : std::move(text) + "; " + hint;
}

/// Takes the last part of `a.b.c` off and returns it.
std::string TakeLast(std::string& text) {
  const size_t dot = text.rfind('.');
  std::string last = dot == std::string::npos ? text : text.substr(dot + 1);
  text.erase(dot == std::string::npos ? 0 : dot);
  return last;
}

class Addressing {
 public:
  Addressing(Declarations& main, dsl::Diagnostics& diagnostics)
      : main_(main), diagnostics_(diagnostics) {}

  std::string Apply(const std::string& hint) {
    try {
      const size_t equals = hint.find('=');
      if (equals == std::string::npos || equals == 0) {
        throw Mistake{"wants flow/step.hint.member=value, as in f/map.big.batch.max=16"};
      }
      const Address address = Split(hint.substr(0, equals));
      FlowInfo& flow = FlowOf(address);
      const dsl::SourceRange target = TargetOf(address, flow);
      Hint checked = ValueOf(address, hint.substr(equals + 1));
      checked.said = "--hint " + hint;
      if (!IsHonoured(checked, address, flow)) {
        diagnostics_.Add(dsl::DiagnosticKind::kHintNotHonoured, target,
                         "`" + checked.said + "` is not honoured yet; results are the same");
      }
      SetHint(flow.home->hints.from_outside[target.begin], std::move(checked));
      return "";
    } catch (const Mistake& mistake) {
      return "--hint " + hint + ": " + mistake.what;
    }
  }

 private:
  Address Split(std::string text) {
    Address address;
    std::string last = TakeLast(text);
    if (IsHint(last) && MembersOf(last, HintPlace::kFlow).empty()) {
      address.hint = std::move(last);
    } else if (IsHint(last) && !text.ends_with("." + last)) {
      throw Mistake{"`" + last + "` has members, one of which is set: " + text + "." + last + "." +
                    MembersOf(last, HintPlace::kFlow).front()};
    } else {
      address.member = std::move(last);
      const size_t slash = text.rfind('/');
      const size_t dot = text.rfind('.');
      if (dot == std::string::npos || (slash != std::string::npos && dot < slash)) {
        throw Mistake{"which hint is meant? an address ends with one: f/map.big.batch.max=16"};
      }
      address.hint = TakeLast(text);
    }
    const size_t slash = text.find('/');
    address.flow = text.substr(0, slash);
    if (slash != std::string::npos) address.step = text.substr(slash + 1);
    CheckHintName(address);
    if (slash != std::string::npos && address.step.empty()) {
      throw Mistake{"which step is meant? it stands behind the `/`, as in `map.big`"};
    }
    return address;
  }

  static bool IsHonoured(const Hint& hint, const Address& address, const FlowInfo& flow) {
    if (hint.name == "fuse") return true;
    const std::string kind = address.step.substr(0, address.step.find('#'));
    if (address.hint == "compete") return MayCall(kind, *flow.home);
    return (address.hint == "load" || address.hint == "batch") && MayLoad(kind, *flow.home);
  }

  static void CheckHintName(const Address& address) {
    if (!IsHint(address.hint)) {
      throw Mistake{With("no hint `" + address.hint + "`", Suggest(address.hint, HintNames()))};
    }
    const bool is_goal = address.hint == "slo";
    if (is_goal && !address.step.empty()) {
      throw Mistake{"a step has no `slo`, the flow has: " + address.flow + ".slo." +
                    address.member};
    }
    if (address.member.empty()) return;
    const std::vector<std::string> members = MembersOf(address.hint, HintPlace::kFlow);
    if (std::find(members.begin(), members.end(), address.member) != members.end()) return;
    throw Mistake{With("`" + address.hint + "` has no member `" + address.member + "`",
                       Suggest(address.member, members))};
  }

  FlowInfo& FlowOf(const Address& address) {
    const std::string& name = address.flow;
    if (FlowInfo* flow = main_.FindFlow(name)) return *flow;
    const std::string step = address.step.empty() ? StepMeantBy(name) : "";
    if (!step.empty()) {
      throw Mistake{"a step stands behind its flow and `/`: " + step + "." + address.hint +
                    (address.member.empty() ? "" : "." + address.member)};
    }
    throw Mistake{With("no flow `" + name + "`", Suggest(name, main_.FlowNames()))};
  }

  /// `f/map.m` for `map.m` and for `f.map.m`; empty if there is no such step, or several.
  std::string StepMeantBy(const std::string& text) {
    std::string meant;
    for (const std::string& flow : main_.FlowNames()) {
      const bool has_flow = text.starts_with(flow + ".");
      const std::string step = has_flow ? text.substr(flow.size() + 1) : text;
      const std::vector<std::string> steps = AddressesOf(StepsOf(*main_.FindFlow(flow)->decl));
      if (std::find(steps.begin(), steps.end(), step) == steps.end()) continue;
      if (!meant.empty()) return "";
      meant = flow + "/" + step;
    }
    return meant;
  }

  static dsl::SourceRange TargetOf(const Address& address, const FlowInfo& flow) {
    if (address.step.empty()) return flow.decl->name.range;
    const std::vector<FlowStep> steps = StepsOf(*flow.decl);
    const std::vector<std::string> addresses = AddressesOf(steps);
    std::string wanted = address.step;
    if (wanted.ends_with("#1")) wanted.erase(wanted.size() - 2);
    std::vector<std::string> known;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind.empty()) continue;
      if (addresses[i] == wanted) return steps[i].name;
      known.push_back(addresses[i]);
    }
    throw Mistake{With("flow `" + address.flow + "` has no step `" + address.step + "`",
                       Suggest(wanted, known))};
  }

  /// The value as it would stand in the file, and nothing else.
  static Hint ValueOf(const Address& address, const std::string& text) {
    const std::string before = "param x: i64 = ";
    const dsl::ParseResult parsed = dsl::Parse(dsl::Source("--hint", before + text));
    const dsl::SourceRange all{static_cast<int32_t>(before.size()),
                               static_cast<int32_t>(before.size() + text.size())};
    const ast::ParamDecl* decl = nullptr;
    if (!parsed.diagnostics.has_errors() && parsed.file.items.size() == 1) {
      decl = std::get_if<ast::ParamDecl>(&parsed.file.items.front());
    }
    if (decl == nullptr || !decl->default_value || decl->default_value->range != all) {
      throw Mistake{"`" + text + "` is no value"};
    }
    dsl::Diagnostics diagnostics;
    std::optional<Hint> hint =
        HintValue(address.hint, address.member, *decl->default_value, diagnostics);
    if (!hint) {
      const dsl::Diagnostic mistake = diagnostics.Sorted().front();
      throw Mistake{With(mistake.message, mistake.help)};
    }
    hint->origin = HintOrigin::kCommandLine;
    hint->where = {};
    return *std::move(hint);
  }

  Declarations& main_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

std::string AddressHints(const std::vector<std::string>& hints, Declarations& main,
                         dsl::Diagnostics& diagnostics) {
  for (const std::string& hint : hints) {
    std::string mistake = Addressing(main, diagnostics).Apply(hint);
    if (!mistake.empty()) return mistake;
  }
  return "";
}

}  // namespace raceway::compiler
