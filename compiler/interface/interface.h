#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/check/params.h"
#include "compiler/load/modules.h"
#include "dsl/source.h"
#include "engine/catalog.h"
#include "engine/data/type.h"
#include "engine/plan/physical_plan.h"

/// What callers of a file's flows rely on, and whether a new version keeps it. compiler/README.md
/// has the table of rules.
namespace raceway::compiler {

/// A column that a caller sends or gets.
struct InterfaceColumn {
  std::string name;
  engine::Type type;
  std::optional<engine::Value> default_value;  // of a table: rows may come without it
  std::optional<dsl::SourceRange> where;       // none in a plan
};

/// Rows that go in or come out.
struct InterfaceRows {
  std::string name;  // of the table or result; empty in `-> Schema`
  std::vector<InterfaceColumn> columns;
  bool is_open = false;  // `...`
  std::optional<dsl::SourceRange> where;
};

struct FlowInterface {
  std::string name;
  std::vector<InterfaceRows> tables;
  std::vector<InterfaceRows> results;
  std::optional<dsl::SourceRange> where;
};

struct ParamInterface {
  std::string name;
  engine::Type type;
  std::optional<engine::Value> default_value;
  /// The allowed values: none is all of the type.
  struct Range {
    engine::Value low;
    engine::Value high;
  };
  std::optional<Range> range;
  std::optional<std::vector<engine::Value>> list;
  dsl::SourceRange where;
};

struct Interface {
  std::vector<FlowInterface> flows;  // in the order of the file
  std::vector<ParamInterface> params;
  bool has_params = true;  // false of a plan: its parameters are constants in it
};

/// Of a file in which nothing is wrong. Flows whose signature is broken are left out, and those
/// that are private to the file (`_name`): nobody else calls them.
/// `params` are set from outside: parameters without a default need that.
Interface InterfaceOf(const Modules& modules, const engine::Catalog& catalog,
                      const std::vector<ParamSetting>& params = {});
/// Of a compiled flow.
Interface InterfaceOf(const engine::PhysicalPlan& plan);

enum class Verdict {
  kSame,
  kCompatible,  // every caller of the old one can call the new one
  kBreaking,
};

std::string_view NameOf(Verdict verdict);  // "same"

/// One difference and what it means for callers.
struct InterfaceChange {
  Verdict verdict = Verdict::kSame;
  std::string what;                        // "result column `by` is gone"
  std::optional<dsl::SourceRange> before;  // where it stands in the old file
  std::optional<dsl::SourceRange> after;   // in the new one
};

struct FlowComparison {
  std::string flow;
  std::vector<InterfaceChange> changes;  // none: the same

  Verdict verdict() const;
};

struct InterfaceComparison {
  std::vector<FlowComparison> flows;  // those of the old file, then new ones
  std::vector<InterfaceChange> params;

  Verdict verdict() const;  // the worst of all
};

/// What becomes of callers of `before` when `after` takes its place.
///
/// Threads  pure
InterfaceComparison Compare(const Interface& before, const Interface& after);

/// The worst of some changes.
Verdict WorstOf(const std::vector<InterfaceChange>& changes);

}  // namespace raceway::compiler
