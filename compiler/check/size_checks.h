#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/dims.h"
#include "compiler/check/table.h"
#include "dsl/source.h"

namespace raceway::compiler {

/// Sizes that only the rows can tell: what a model, function or flow wants (`K/2`) is neither the
/// same as what a column has nor another. They become filters that every row passes or fails with
/// an error, which look at the sizes of columns alone.
class SizeChecks {
 public:
  /// Who asks, and for what.
  struct Asked {
    size_t who = 0;    // the caller's number for it
    std::string id;    // the plan's column
    std::string name;  // what the flow calls it
    std::string why;   // "`half` wants `b: f32[K/2]`"
  };
  /// What no row can have after all.
  struct Misfit {
    size_t who = 0;
    Clash clash;
  };

  explicit SizeChecks(PlanBuilder& builder) : builder_(builder) {}

  /// `UnifyTypes` with the type of `asked.id`; what is undecided is kept.
  Clash Unify(const engine::Type& wanted, const Asked& asked);
  /// Decides what can be decided once all is unified, and puts the checks of the rest behind
  /// `table`. What came by `also` besides the table's columns stays.
  std::vector<Misfit> Settle(Table& table, const std::vector<std::string>& also,
                             dsl::SourceRange where);

 private:
  struct Open {
    Asked asked;
    OpenDim dim;
  };

  std::optional<engine::Expression> Condition(const Open& open, const Table& table);

  PlanBuilder& builder_;
  std::vector<Open> open_;
};

/// Whether a row tells the sizes of a column of this type: all of them, one by one.
bool CanMeasure(const engine::Type& type);

/// One size of a column.
struct Measured {
  TableColumn column;
  size_t index = 0;
};
/// Every row of `table` has the same for both, or fails: `why`.
void CheckSameSize(const Measured& a, const Measured& b, const std::string& why,
                   dsl::SourceRange where, Table& table, PlanBuilder& builder);

}  // namespace raceway::compiler
