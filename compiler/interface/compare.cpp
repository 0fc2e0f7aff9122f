#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "compiler/check/dims.h"
#include "compiler/check/quantities.h"
#include "compiler/interface/interface.h"

namespace raceway::compiler {
namespace {

using engine::Dim;
using engine::Type;

template <typename T>
const T* Find(const std::vector<T>& all, std::string_view name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string Typed(const InterfaceColumn& column) {
  return "`" + column.name + ": " + ToString(column.type) + "`";
}

std::string FromTo(const std::string& before, const std::string& after) {
  return "was `" + before + "`, is `" + after + "`";
}

/// Of a parameter or column.
template <typename T>
std::string DefaultText(const T& of) {
  return of.default_value ? ShowValue(*of.default_value, of.type) : "no default";
}

/// Whether a general type takes what a special one describes, with its symbols bound once for all
/// columns of a flow: `u8[H, W]` takes `u8[224, 224]` and `u8[A, B]`, `u8[H, H]` only the former.
/// Symbols in `fixed` stand for themselves.
class Matcher {
 public:
  explicit Matcher(std::map<std::string, Dim> bound = {}, std::set<std::string> fixed = {})
      : bound_(std::move(bound)), fixed_(std::move(fixed)) {}

  bool Takes(const Type& general, const Type& special) {
    if (general.dtype != special.dtype || (special.optional && !general.optional)) return false;
    std::span<const Dim> wanted = general.shape;
    std::span<const Dim> found = special.shape;
    if (!wanted.empty() && IsAnyRank(wanted.front())) {  // `...` takes what stands in its place
      wanted = wanted.subspan(1);
      if (!found.empty() && IsAnyRank(found.front())) found = found.subspan(1);
      if (found.size() < wanted.size()) return false;
      found = found.last(wanted.size());
    }
    return std::equal(wanted.begin(), wanted.end(), found.begin(), found.end(),
                      [&](const Dim& g, const Dim& s) { return Takes(g, s); });
  }

  const std::map<std::string, Dim>& bound() const { return bound_; }

 private:
  bool Takes(const Dim& general, const Dim& special) {
    if (general.symbol == "_") return true;
    // Any size at all: only a symbol that stands nowhere else may be that.
    const Dim one = special.symbol == "_" ? Dim::Symbol("_" + std::to_string(num_any_++)) : special;
    if (general.is_size() || fixed_.contains(general.symbol)) return general == one;
    return bound_.try_emplace(general.symbol, one).first->second == one;
  }

  std::map<std::string, Dim> bound_;
  std::set<std::string> fixed_;
  int num_any_ = 0;
};

Type Renamed(Type type, const std::map<std::string, Dim>& names) {
  for (Dim& dim : type.shape) {
    if (dim.is_size() || dim.symbol == "_" || IsAnyRank(dim)) continue;
    const auto found = names.find(dim.symbol);
    // A symbol of the result alone is a new one, whatever the old flow calls so.
    dim = found == names.end() ? Dim::Symbol("new " + dim.symbol) : found->second;
  }
  return type;
}

class FlowComparer {
 public:
  FlowComparer(const FlowInterface& before, const FlowInterface& after)
      : before_(before), after_(after) {}

  std::vector<InterfaceChange> Run() && {
    CompareTables();
    CompareResults();
    return std::move(changes_);
  }

 private:
  using Where = std::optional<dsl::SourceRange>;

  void Add(Verdict verdict, std::string what, const Where& before, const Where& after) {
    changes_.push_back({verdict, std::move(what), before, after});
  }

  void CompareTables() {
    if (before_.tables.size() != after_.tables.size()) {
      Add(Verdict::kBreaking,
          "took " + std::to_string(before_.tables.size()) +
              (before_.tables.size() == 1 ? " table" : " tables") + ", takes " +
              std::to_string(after_.tables.size()),
          before_.where, after_.where);
      return;
    }
    if (before_.tables.size() > 1) return CompareNamedTables();
    for (size_t i = 0; i < before_.tables.size(); ++i) {
      CompareTable(before_.tables[i], after_.tables[i]);
    }
  }

  /// The rows of several tables are sent under their names; from other flows they go by place.
  void CompareNamedTables() {
    bool is_same = true;
    for (const InterfaceRows& old : before_.tables) {
      if (const InterfaceRows* now = Find(after_.tables, old.name)) {
        CompareTable(old, *now);
      } else {
        is_same = false;
        Add(Verdict::kBreaking, "table `" + old.name + "` is gone", old.where, after_.where);
      }
    }
    for (const InterfaceRows& now : after_.tables) {
      if (Find(before_.tables, now.name) != nullptr) continue;
      Add(Verdict::kBreaking, "table `" + now.name + "` is new and required", before_.where,
          now.where);
    }
    const auto has_name = [](const InterfaceRows& a, const InterfaceRows& b) {
      return a.name == b.name;
    };
    if (is_same && !std::equal(before_.tables.begin(), before_.tables.end(), after_.tables.begin(),
                               after_.tables.end(), has_name)) {
      Add(Verdict::kBreaking,
          "its tables stand in another order, and the flows that call it pass them by place",
          before_.where, after_.where);
    }
  }

  void CompareTable(const InterfaceRows& before, const InterfaceRows& after) {
    if (before.name != after.name) {
      Add(Verdict::kCompatible, "table " + FromTo(before.name, after.name), before.where,
          after.where);
    }
    const std::string table = "table `" + after.name + "`: ";
    for (const InterfaceColumn& old : before.columns) {
      const InterfaceColumn* now = Find(after.columns, old.name);
      if (now != nullptr) {
        CompareInput(table, old, *now);
      } else if (after.is_open) {
        Add(Verdict::kCompatible, table + Typed(old) + " is not asked for any more, `...` takes it",
            old.where, after.where);
      } else {
        Add(Verdict::kBreaking, table + Typed(old) + " is not taken any more", old.where,
            after.where);
      }
    }
    for (const InterfaceColumn& now : after.columns) {
      if (Find(before.columns, now.name) != nullptr) continue;
      const bool may_lack = now.default_value.has_value();
      Add(may_lack ? Verdict::kCompatible : Verdict::kBreaking,
          table + Typed(now) + (may_lack ? " is new and may be left out" : " is new and required"),
          before.where, now.where);
    }
    if (before.is_open != after.is_open) {
      Add(after.is_open ? Verdict::kCompatible : Verdict::kBreaking,
          table + (after.is_open ? "takes more columns now (`...`)"
                                 : "takes no more columns than these now (no `...`)"),
          before.where, after.where);
    }
    CompareOrder(table, before, after);
  }

  void CompareInput(const std::string& table, const InterfaceColumn& old,
                    const InterfaceColumn& now) {
    const bool is_taken = inputs_.Takes(now.type, old.type);
    const bool was_taken = inputs_back_.Takes(old.type, now.type);
    const bool lost_default = old.default_value && !now.default_value;
    if (!is_taken || !was_taken) {
      Add(is_taken && !lost_default ? Verdict::kCompatible : Verdict::kBreaking,
          table + "`" + old.name + "` " + FromTo(ToString(old.type), ToString(now.type)), old.where,
          now.where);
    } else if (old.default_value != now.default_value) {
      Add(lost_default ? Verdict::kBreaking : Verdict::kCompatible,
          table + "`" + old.name +
              "` has another default: " + FromTo(DefaultText(old), DefaultText(now)),
          old.where, now.where);
    }
  }

  /// In a request columns go by name.
  void CompareOrder(const std::string& rows, const InterfaceRows& before,
                    const InterfaceRows& after) {
    const auto shared = [](const InterfaceRows& of, const InterfaceRows& with) {
      std::vector<std::string_view> names;
      for (const InterfaceColumn& column : of.columns) {
        if (Find(with.columns, column.name) != nullptr) names.push_back(column.name);
      }
      return names;
    };
    if (shared(before, after) == shared(after, before)) return;
    Add(Verdict::kCompatible, rows + "its columns stand in another order", before.where,
        after.where);
  }

  std::set<std::string> InputSymbols() const {
    std::set<std::string> symbols;
    for (const InterfaceRows& table : before_.tables) {
      for (const InterfaceColumn& column : table.columns) {
        for (const Dim& dim : column.type.shape) {
          if (!dim.is_size() && dim.symbol != "_") symbols.insert(dim.symbol);
        }
      }
    }
    return symbols;
  }

  /// One result without a name is called as one likes; of several, each has its name.
  void CompareResults() {
    Matcher results({}, InputSymbols());
    Matcher results_back({}, InputSymbols());
    for (const InterfaceRows& old : before_.results) {
      if (const InterfaceRows* now = Find(after_.results, old.name)) {
        CompareResult(old, *now, results, results_back);
      } else {
        Add(Verdict::kBreaking, NameOfResult(old) + " is gone", old.where, after_.where);
      }
    }
    for (const InterfaceRows& now : after_.results) {
      if (Find(before_.results, now.name) != nullptr) continue;
      Add(Verdict::kCompatible, NameOfResult(now) + " is new", before_.where, now.where);
    }
  }

  static std::string NameOfResult(const InterfaceRows& rows) {
    return rows.name.empty() ? "the result without a name" : "result `" + rows.name + "`";
  }

  /// The sizes of a result are known to the caller where they are those of what it sent.
  void CompareResult(const InterfaceRows& before, const InterfaceRows& after, Matcher& results,
                     Matcher& results_back) {
    const std::string result = (after.name.empty() ? "result" : NameOfResult(after)) + ": ";
    for (const InterfaceColumn& old : before.columns) {
      const InterfaceColumn* now = Find(after.columns, old.name);
      if (now == nullptr) {
        Add(Verdict::kBreaking, result + Typed(old) + " is gone", old.where, after.where);
        continue;
      }
      const Type type = Renamed(now->type, inputs_.bound());
      const bool is_fine = results.Takes(old.type, type);
      if (is_fine && results_back.Takes(type, old.type)) continue;
      Add(is_fine ? Verdict::kCompatible : Verdict::kBreaking,
          result + "`" + old.name + "` " + FromTo(ToString(old.type), ToString(now->type)),
          old.where, now->where);
    }
    for (const InterfaceColumn& now : after.columns) {
      if (Find(before.columns, now.name) != nullptr) continue;
      Add(Verdict::kCompatible, result + Typed(now) + " is new", before.where, now.where);
    }
    if (before.is_open != after.is_open) {
      Add(after.is_open ? Verdict::kCompatible : Verdict::kBreaking,
          result + (after.is_open ? "passes more columns on now (`...`)"
                                  : "passes no more columns on (no `...`)"),
          before.where, after.where);
    }
    CompareOrder(result, before, after);
  }

  const FlowInterface& before_;
  const FlowInterface& after_;
  Matcher inputs_;       // the new types take the old ones: new symbol → old dimension
  Matcher inputs_back_;  // and the other way round
  std::vector<InterfaceChange> changes_;
};

// --- parameters ---

bool IsAtMost(const engine::Value& a, const engine::Value& b) {
  return NumberOf(a) && NumberOf(b) && *NumberOf(a) <= *NumberOf(b);
}

/// Whether `after` allows all that `before` allowed.
bool AllowsAll(const ParamInterface& before, const ParamInterface& after) {
  if (after.range) {
    const auto is_in = [&](const engine::Value& value) {
      return IsAtMost(after.range->low, value) && IsAtMost(value, after.range->high);
    };
    if (before.range) return is_in(before.range->low) && is_in(before.range->high);
    return before.list && std::all_of(before.list->begin(), before.list->end(), is_in);
  }
  if (!after.list) return true;
  return before.list && std::all_of(before.list->begin(), before.list->end(), [&](const auto& v) {
           return std::find(after.list->begin(), after.list->end(), v) != after.list->end();
         });
}

void CompareParam(const ParamInterface& old, const ParamInterface& now,
                  std::vector<InterfaceChange>& changes) {
  const std::string name = "parameter `" + old.name + "` ";
  const auto add = [&](Verdict verdict, const std::string& what) {
    changes.push_back({verdict, name + what, old.where, now.where});
  };
  if (old.type != now.type) {
    return add(Verdict::kBreaking, FromTo(ToString(old.type), ToString(now.type)));
  }
  if (!AllowsAll(old, now)) {
    add(Verdict::kBreaking, "allows less than it did");
  } else if (!AllowsAll(now, old)) {
    add(Verdict::kCompatible, "allows more than it did");
  }
  if (old.default_value != now.default_value) {
    add(now.default_value ? Verdict::kCompatible : Verdict::kBreaking,
        "has another default: " + FromTo(DefaultText(old), DefaultText(now)));
  }
}

std::vector<InterfaceChange> CompareParams(const Interface& before, const Interface& after) {
  std::vector<InterfaceChange> changes;
  if (!before.has_params || !after.has_params) return changes;
  for (const ParamInterface& old : before.params) {
    if (const ParamInterface* now = Find(after.params, old.name)) {
      CompareParam(old, *now, changes);
    } else {
      changes.push_back(
          {Verdict::kBreaking, "parameter `" + old.name + "` is gone", old.where, {}});
    }
  }
  for (const ParamInterface& now : after.params) {
    if (Find(before.params, now.name) != nullptr) continue;
    changes.push_back({now.default_value ? Verdict::kCompatible : Verdict::kBreaking,
                       "parameter `" + now.name + "` is new" +
                           (now.default_value ? ", with a default" : " and has no default"),
                       {},
                       now.where});
  }
  return changes;
}

}  // namespace

std::string_view NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSame: return "same";
    case Verdict::kCompatible: return "compatible";
    case Verdict::kBreaking: return "breaking";
  }
  return "?";
}

Verdict WorstOf(const std::vector<InterfaceChange>& changes) {
  Verdict worst = Verdict::kSame;
  for (const InterfaceChange& change : changes) worst = std::max(worst, change.verdict);
  return worst;
}

Verdict FlowComparison::verdict() const { return WorstOf(changes); }

Verdict InterfaceComparison::verdict() const {
  Verdict worst = WorstOf(params);
  for (const FlowComparison& flow : flows) worst = std::max(worst, flow.verdict());
  return worst;
}

InterfaceComparison Compare(const Interface& before, const Interface& after) {
  InterfaceComparison comparison;
  for (const FlowInterface& old : before.flows) {
    FlowComparison& flow = comparison.flows.emplace_back();
    flow.flow = old.name;
    if (const FlowInterface* now = Find(after.flows, old.name)) {
      flow.changes = FlowComparer(old, *now).Run();
    } else {
      flow.changes = {{Verdict::kBreaking, "the flow is gone", old.where, {}}};
    }
  }
  for (const FlowInterface& now : after.flows) {
    if (Find(before.flows, now.name) != nullptr) continue;
    comparison.flows.push_back(
        {now.name, {{Verdict::kCompatible, "the flow is new", {}, now.where}}});
  }
  comparison.params = CompareParams(before, after);
  return comparison;
}

}  // namespace raceway::compiler
