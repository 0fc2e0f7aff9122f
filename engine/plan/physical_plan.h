#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/schema.h"
#include "engine/plan/expression.h"
#include "engine/result.h"
#include "engine/value.h"

/// The engine's input language: what runs, in which order, on what. A value that can be printed,
/// written to a `.plan` file and read back; the compiler makes it, the engine owns it.
namespace raceway::engine {

/// One output of one stage. `stage` -1 is the flow's input number `output`.
struct Port {
  int32_t stage = -1;
  int32_t output = 0;

  friend bool operator==(const Port&, const Port&) = default;
};

/// A wish about how something runs, never about what it computes: an engine may ignore it.
struct HintSpec {
  std::string name;  // "batch.max"; of a goal of the whole flow: "p99"
  Value value;       // durations in ns, sizes in bytes, shares from 0 to 1; a range is two of them
  std::string text;  // as written: "4ms"
  std::string origin;  // "defaults", "declaration", "flow", "step" or "command line"
  std::string where;   // "cascade.flow:12:5", or what the command line said

  friend bool operator==(const HintSpec&, const HintSpec&) = default;
};

struct BranchSpec;

/// One operator applied to the rows that pass.
///
/// Column names are unique in a plan: a column that is defined anew gets a name of its own
/// (`conf.2`), so the same name is the same data wherever it appears.
struct StepSpec {
  std::string op;      // name in the catalog: "model", "native", "derive", "filter", …
  std::string label;   // for people: "map(small)"
  std::string origin;  // "cascade.flow:12:5"
  /// Parameter → column, for operators that call a function of their own signature.
  std::vector<std::pair<std::string, std::string>> arguments;
  /// Result → column defined by it, likewise. The column is always in one of `outputs` unless
  /// nobody reads it: then the operator may leave it out.
  std::vector<std::pair<std::string, std::string>> results;
  /// `derive`, `select`: column = expression; `filter`: one, `split`: some, named "where".
  std::vector<NamedExpression> expressions;
  /// `union`: for each column of the result, where it comes from in each input; steps with
  /// branches: in each branch.
  std::vector<std::pair<std::string, std::vector<std::string>>> sources;
  Value::Record options;
  std::vector<HintSpec> hints = {};  // each name once, by name
  /// What leaves the step, one schema an output (`split`: of each `where`, and the rest). Columns
  /// of the input that are named here are carried along, the others end here.
  std::vector<Schema> outputs;
  /// The columns of `results` that nobody reads, as a model or function was declared to give them.
  Schema unread = {};
  /// What `guard` and `anyof` decide between. These two are the engine's own, no operators:
  /// `guard`  The rows go through the first branch. Option "timeout": what it has no answer for
  ///          after so many nanoseconds has failed. Rows that failed go through the second branch;
  ///          without one they are left out (option "on_error": "drop") or fail the request. Option
  ///          "each_row": whether the first branch treats each row by itself, so that a row that
  ///          fails need not take the others of its batch along.
  /// `anyof`  Each row takes the first answer that a branch has for it and that has true in
  ///          `accept`. A last branch that is called "else" answers rows that have none when all
  ///          others are through, or after "within" nanoseconds. The result "winner" is the name of
  ///          the branch.
  std::vector<BranchSpec> branches;

  /// What a column is that leaves the step or that nobody reads; null for another.
  const Type* TypeOf(std::string_view column) const;
  friend bool operator==(const StepSpec&, const StepSpec&) = default;
};

/// Steps that run one after another in one node. Only the first may take several inputs, only the
/// last may have several outputs.
struct StageSpec {
  std::string name;          // unique in the plan
  std::vector<Port> inputs;  // stages come before those that read them
  std::vector<StepSpec> steps;
  std::string device = "cpu";
  bool own_task = false;  // worth handing to another worker when branches could run side by side

  const std::vector<Schema>& outputs() const { return steps.back().outputs; }
  friend bool operator==(const StageSpec&, const StageSpec&) = default;
};

/// Stages inside of a step, for rows that it sends through them.
struct BranchSpec {
  std::string name;               // unique in its step
  std::vector<StageSpec> stages;  // input 0 is what comes into the step
  Port output;
  std::string accept;  // `anyof`: a column that says whether an answer is good; empty: all are

  friend bool operator==(const BranchSpec&, const BranchSpec&) = default;
};

/// How deep branches may be in one another.
constexpr int kMaxBranchDepth = 32;

/// A file that the plan names, as it was when the plan was made.
struct FileSpec {
  std::string path;    // relative to the flow's folder
  std::string sha256;  // hexadecimal
  int64_t num_bytes = 0;

  friend bool operator==(const FileSpec&, const FileSpec&) = default;
};

/// A table that the flow takes.
struct InputSpec {
  std::string name;
  Schema schema;
  /// What the caller calls the columns, where the plan calls one of them otherwise (two tables may
  /// both have an `id`); empty: the same.
  std::vector<std::string> caller_names = {};
  /// What a column has in rows that come without it: the caller's name → value. Whoever reads rows
  /// fills it in (`RowsFromJson`); a batch has all columns.
  std::vector<std::pair<std::string, Value>> defaults = {};

  /// The columns as the caller sends them.
  Schema CallerSchema() const;
  friend bool operator==(const InputSpec&, const InputSpec&) = default;
};

/// A table that the flow gives.
struct ResultSpec {
  std::string name;  // may be empty if it is the only one
  Port output;
  /// The name in the flow's signature → the column of `output` that it is. (The plan's own name may
  /// differ, where the flow defines a name more than once.)
  std::vector<std::pair<std::string, std::string>> columns;

  friend bool operator==(const ResultSpec&, const ResultSpec&) = default;
};

struct PhysicalPlan {
  static constexpr int kFormat = 3;  // the only one that is read

  std::string flow;
  std::vector<InputSpec> inputs;    // at least one
  std::vector<StageSpec> stages;    // at least one
  std::vector<ResultSpec> results;  // in the order of the signature, at least one
  std::vector<FileSpec> files;      // to be there, unchanged, when the plan runs
  std::vector<FileSpec> sources;    // flow files that were imported; running needs none of them
  std::vector<HintSpec> slo;        // what the flow aims at

  const Schema& SchemaOf(Port port) const;
  Schema ResultSchema(const ResultSpec& result) const;
  friend bool operator==(const PhysicalPlan&, const PhysicalPlan&) = default;
};

/// Text for people, as printed by `explain --emit=physical`.
std::string ToString(const PhysicalPlan& plan);

/// Readable JSON: versioned, deterministic, the same bytes for the same plan.
std::string ToJson(const PhysicalPlan& plan);

/// Errors   InvalidArgument for text that is no plan, Unsupported for a plan of a newer format
Result<PhysicalPlan> PlanFromJson(std::string_view text);

/// Whether the engine could build it: ports, columns, one name for one thing.
Status Validate(const PhysicalPlan& plan);

}  // namespace raceway::engine
