#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/plan/hints.h"
#include "dsl/source.h"
#include "engine/plan/expression.h"
#include "engine/plan/physical_plan.h"
#include "engine/value.h"

/// What a flow does, apart from how: stages over tables, sub-flows inlined, every column resolved.
///
/// A column has one name in the whole plan, given where it is defined; what a flow defines anew
/// gets a new one (`conf.2`). So two tables that both have `id` have the same column, a rename is
/// no work at all, and a rewrite never looks at scopes.
namespace raceway::compiler {

using engine::Port;

enum class StepKind {
  kMap,
  kDerive,
  kSelect,
  kOmit,
  kFilter,
  kSplit,
  kUnion,
  kJoin,
  kSort,
  kLimit,
  kExplode,
  kAgg,    // of `groupby … |> agg`
  kFail,   // an error where rows come
  kDrop,   // no rows
  kGuard,  // of `rescue`, `timeout` and `on_error`: rows go through branches
  kAnyof,  // likewise
  kLookup,
  kPrefetch,  // rows pass; a store is told which keys a later `lookup` will ask for
};

std::string_view NameOf(StepKind kind);  // "map"

/// A model, function or store as declared.
struct FunctionSpec {
  enum class Kind { kModel, kNative, kStore };

  Kind kind = Kind::kNative;
  std::string name;                    // of the declaration
  std::string native;                  // kNative: name in the catalog; kStore: what it is, "rows"
  dsl::SourceRange native_range = {};  // kStore: where that stands
  /// The file, relative to the flow's folder; kNative: the library, or empty for what is built in.
  std::string source;
  dsl::SourceRange source_range;
  std::string device = "cpu";
  engine::Value::Record settings;
  /// Settings that name files, relative to the flow's folder, and where they are written.
  std::vector<std::pair<std::string, dsl::SourceRange>> files;
  Hints hints;

  /// Whether both compute the same: what a file calls it and hints do not count.
  friend bool operator==(const FunctionSpec& a, const FunctionSpec& b);
};

struct Branch;

/// One application of one operator.
struct Step {
  StepKind kind = StepKind::kOmit;
  dsl::SourceRange where;
  std::string label;      // "map(small)"
  FunctionSpec function;  // kMap, kLookup, kPrefetch
  /// What is read. kMap: parameter → column; kExplode: its name → column; kAgg: name of the result
  /// → aggregated column, and "" → key; kJoin by a key: "left" and "right" → its columns; kLookup,
  /// kPrefetch: "key" → column.
  std::vector<std::pair<std::string, std::string>> arguments;
  /// What is defined. kMap, kLookup: result → column; kExplode, kAgg: name → column; kDrop: columns
  /// of no rows; kJoin: column of the right table → column; kAnyof: "winner" → column.
  std::vector<std::pair<std::string, std::string>> results;
  /// kDerive, kSelect: what is computed; kFilter: one, named "where"; kSplit: one or more such, the
  /// first that is true takes the row; kFail: one, named "message"; kSort: the keys, each named
  /// "ascending" or "descending".
  std::vector<engine::NamedExpression> expressions;
  /// kUnion, kGuard, kAnyof: a column of the result → the column of each input or branch that it is
  /// made of. Columns that are the same in all of them are not listed. kJoin, full: likewise, ""
  /// where only the other side has it.
  std::vector<std::pair<std::string, std::vector<std::string>>> sources;
  /// kLimit: "count"; kAgg: name of the result → {"function", "count"}; kJoin: "how", unless it is
  /// inner; kLookup, kPrefetch: of its store "schema", kLookup also "miss"; kGuard, kAnyof: as the
  /// engine has them (engine/plan/physical_plan.h).
  engine::Value::Record options;
  Hints hints;  // those that hold here, of whatever origin
  /// The columns that leave, one list for each output (kSplit: of each condition, then
  /// the rows that none took).
  std::vector<std::vector<std::string>> outputs;
  std::vector<Branch> branches;  // kGuard, kAnyof

  /// Columns this step defines / reads in order to do so; what its branches do is theirs.
  std::vector<std::string> Defines() const;
  std::vector<std::string> Reads() const;
};

/// Steps that run together: one when checked, more when fused.
struct Stage {
  std::string name;
  std::vector<Port> inputs;
  std::vector<Step> steps;
  std::string device = "cpu";
  bool own_task = false;

  size_t num_outputs() const { return steps.back().outputs.size(); }
};

/// Stages inside of a step; output 0 of stage -1 is what comes into the step.
struct Branch {
  std::string name;
  std::vector<Stage> stages;  // each after those it reads
  Port output;
  std::string accept;  // kAnyof: the column that says whether an answer is good, or empty

  /// The columns that leave; `input` are those that come into the step.
  const std::vector<std::string>& Columns(const std::vector<std::string>& input) const;
};

/// A table that a flow takes.
struct PlanInput {
  std::string name;
  std::vector<std::string> columns;            // in the order of its schema
  std::vector<std::string> caller_names = {};  // what the schema calls them: so may other tables
  /// What a row has that comes without a column: name in the schema → value.
  std::vector<std::pair<std::string, engine::Value>> defaults = {};
};

/// A table that a flow gives.
struct PlanResult {
  std::string name;  // empty in `-> Schema`
  Port output;
  std::vector<std::pair<std::string, std::string>> columns;  // name in the signature → column
};

struct LogicalPlan {
  std::string flow;
  std::vector<PlanInput> inputs;                // one at least; of a branch: what its step gets
  std::map<std::string, engine::Type> columns;  // of every column of the plan
  std::vector<Stage> stages;                    // each after those it reads
  std::vector<PlanResult> results;              // in the order of the signature, one at least
  Hints slo;                                    // what the flow aims at: "p99"

  /// The columns that leave a port.
  const std::vector<std::string>& ColumnsOf(Port port) const;
  /// Where the results leave.
  std::vector<Port*> Outputs();
  /// For each output of each stage (and, in front, of the input) how many stages read it; the
  /// flow's results count, too.
  int NumConsumers(Port port) const;
};

/// Takes stages out: where `instead[i]` is set, stage i goes, and whoever read its output k reads
/// output `instead[i].output + k` of stage `instead[i].stage` (a number before the removal).
LogicalPlan RemoveStages(LogicalPlan plan, const std::vector<std::optional<Port>>& instead);
/// Likewise of a plan or branch with these outputs.
void RemoveStages(std::vector<Stage>& stages, const std::vector<Port*>& outputs,
                  const std::vector<std::optional<Port>>& instead);
/// Takes out stages that do not lead to one of the outputs.
void RemoveUnread(std::vector<Stage>& stages, const std::vector<Port*>& outputs);

}  // namespace raceway::compiler
