#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/dims.h"
#include "compiler/check/hints.h"
#include "compiler/check/lineage.h"
#include "compiler/plan/logical_plan.h"
#include "dsl/source.h"

namespace raceway::compiler {

/// A column of a table as a flow sees it: its name there, and the plan's name for it.
struct TableColumn {
  std::string name;
  std::string id;
};

/// What a name in a flow stands for while it is checked: rows that leave a port.
struct Table {
  Port port;
  std::vector<TableColumn> columns;
  /// Columns that pass through a flow as its `...`: carried along, not to be named in its body.
  std::vector<TableColumn> passing;
  /// In a definition: the parameter whose `...` these rows carry, not known until it is applied.
  std::optional<size_t> open;
  /// Where its rows come from.
  Lineage lineage;
  /// After `groupby`, for the `agg` that must follow: the keys, by their names here.
  std::optional<std::vector<std::string>> group_keys;
  /// After `fail` and `drop`: there are no rows, so that it goes with tables of any columns.
  bool is_empty = false;
  dsl::SourceRange made;  // the step or parameter that made it, for notes
  std::string made_by;    // "map(small)"
  std::string result;     // what the flow that made it calls it, where it made several

  const TableColumn* Find(std::string_view name) const;
  std::vector<std::string> Ids() const;    // of all columns, also those passing
  std::vector<std::string> Names() const;  // of those that can be named
};

/// "`split` gives two tables", of a step that gives more than one.
std::string SeveralTables(const std::vector<Table>& tables);
/// How to name them: "let (holds, rest) = …".
std::string HowToName(const std::vector<Table>& tables);

/// The plan under construction, its dimensions, and where its columns come from.
class PlanBuilder {
 public:
  LogicalPlan plan;
  Dims dims;
  HintScope hints;
  /// A name of its own for a new column: `base`, or `base.2` where that is taken.
  std::string NewColumn(const std::string& base, engine::Type type, dsl::SourceRange where);
  /// Appends a stage of one step that reads `inputs`, with the hints that hold here. `name` is made
  /// unique.
  Port AddStage(const std::string& name, std::vector<Port> inputs, Step step);
  /// The same, not yet in the plan.
  Stage NewStage(const std::string& name, std::vector<Port> inputs, Step step);

  /// From here on stages belong to a branch, whose input is the first output of stage -1.
  void BeginBranch();
  /// The branch that was begun last. It ends at `end`; what nobody reads is left out.
  Branch EndBranch(std::string name, Port end);
  /// How many branches are under way, one in the other.
  size_t branch_depth() const { return outer_stages_.size(); }
  /// Of all stages there ever were.
  size_t num_stages() const { return num_stages_; }

  /// One that nothing else has: of an origin or a choice.
  int NewNumber() { return ++last_number_; }

  const engine::Type& TypeOf(const std::string& id) const { return plan.columns.at(id); }
  /// Where the column is defined.
  dsl::SourceRange OriginOf(const std::string& id) const { return origins_.at(id); }
  /// "(id: i64, px: u8[H, W, 3])"
  std::string Show(const Table& table) const;

 private:
  std::string Unique(const std::string& base, std::map<std::string, int>& taken);

  std::vector<std::vector<Stage>> outer_stages_;  // while `plan.stages` are those of a branch
  size_t num_stages_ = 0;
  std::map<std::string, dsl::SourceRange> origins_;
  std::map<std::string, int> column_names_;
  std::map<std::string, int> stage_names_;
  int last_number_ = 0;
};

}  // namespace raceway::compiler
