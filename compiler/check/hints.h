#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/hint_values.h"
#include "compiler/plan/hints.h"
#include "dsl/ast.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// Whether an entry of a declaration's block is a hint rather than a setting.
bool IsHint(std::string_view name);

/// What `with { … }`, `defaults { … }` or one hint of a declaration says. What is wrong is reported
/// and left out; what no part of the engine honours yet is noted.
Hints CheckHints(const dsl::ast::Block& block, HintPlace place, dsl::Diagnostics& diagnostics);
Hints CheckHint(const dsl::ast::Entry& entry, HintPlace place, dsl::Diagnostics& diagnostics);

struct Declarations;

/// Whether a step of this kind (`FlowStep::kind`) runs a model, or has steps in it that may.
bool MayLoad(const std::string& kind, const Declarations& declarations);
/// Whether it calls a model or a function, or has steps in it that may.
bool MayCall(const std::string& kind, const Declarations& declarations);
/// Notes a hint that is for models, of a thing that has none: "`filter`", "a store". What `is_call`
/// may still race.
void NoteIdleHint(const dsl::ast::Name& hint, const std::string& thing, bool is_call,
                  dsl::Diagnostics& diagnostics);

/// Reports names in the file's hints (`place { with: big }`) that it does not declare or import.
void CheckHintNames(const Declarations& declarations, dsl::Diagnostics& diagnostics);

/// The hints of one file, by what they are for.
struct HintTable {
  Hints defaults;
  /// By where the name of a flow or step begins: its `with`, and what the command line says of it.
  std::map<int32_t, Hints> written;
  std::map<int32_t, Hints> from_outside;
};

/// Which hints hold at a place of a plan under construction. Those nearest to the step win: the
/// file's defaults are the weakest, then what its function was declared with, the flows around it
/// from the outermost on, the step itself; the command line is above them all.
class HintScope {
 public:
  /// Ends when it is destroyed, or before.
  class Layer {
   public:
    explicit Layer(HintScope& scope) : scope_(&scope) {}
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    ~Layer() { Leave(); }
    void Leave();

   private:
    HintScope* scope_;
  };

  /// Into the flow or step whose name begins at `begin`, which stands in the file of `table`. The
  /// table must outlive the layer.
  [[nodiscard]] Layer Enter(const HintTable& table, int32_t begin);

  /// For a step whose function was declared with `declared`. Hints for calls (`batch`, …) hold only
  /// where a model or function `is_called`.
  Hints OfStep(const Hints& declared, bool is_called) const;
  /// The goals of the flow (`slo`) by their members' names.
  Hints OfFlow() const;

 private:
  struct Level {
    const HintTable* table;
    int32_t begin;
  };

  Hints Merged(const Hints& declared) const;

  std::vector<Level> levels_;
};

}  // namespace raceway::compiler
