#include "compiler/plan/hints.h"

#include <algorithm>
#include <utility>

namespace raceway::compiler {

std::string_view NameOf(HintOrigin origin) {
  switch (origin) {
    case HintOrigin::kDefaults: return "defaults";
    case HintOrigin::kDeclaration: return "declaration";
    case HintOrigin::kFlow: return "flow";
    case HintOrigin::kStep: return "step";
    case HintOrigin::kCommandLine: return "command line";
  }
  return "?";
}

const Hint* FindHint(const Hints& hints, std::string_view name) {
  const auto is_it = [&](const Hint& hint) { return hint.name == name; };
  const auto found = std::find_if(hints.begin(), hints.end(), is_it);
  return found == hints.end() ? nullptr : &*found;
}

void SetHint(Hints& hints, Hint hint) {
  const auto before = [](const Hint& a, const std::string& name) { return a.name < name; };
  const auto place = std::lower_bound(hints.begin(), hints.end(), hint.name, before);
  if (place != hints.end() && place->name == hint.name) {
    *place = std::move(hint);
  } else {
    hints.insert(place, std::move(hint));
  }
}

void Overlay(Hints& hints, const Hints& stronger) {
  for (const Hint& hint : stronger) SetHint(hints, hint);
}

}  // namespace raceway::compiler
