#pragma once

#include <raceway/table.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/schema.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway {
inline namespace v0 {

/// Columns that a caller has set, or a batch that an engine has given: it stays one until somebody
/// changes the table.
struct Table::State {
  engine::Batch batch;
  std::vector<std::pair<std::string, engine::Column>> columns;  // unused while there is a batch

  const engine::Column* Find(std::string_view name) const;
  void Set(std::string name, engine::Column column);
  std::vector<std::string> names() const;
};

struct TableAccess {
  static Table Of(engine::Batch batch);
  static const Table::State& StateOf(const Table& table) { return *table.state_; }
};

}  // namespace v0

namespace library {

/// `table` as `flow` (its name, for messages) takes it: the columns of `wants`, in that order,
/// those that are missing by the defaults of `input`.
///
/// Errors   InvalidArgument: a column is missing, not expected, of another type, no UTF-8
engine::Result<engine::Batch> ToBatch(const Table& table, const engine::SchemaPtr& wants,
                                      const engine::InputSpec& input, const std::string& flow);

}  // namespace library
}  // namespace raceway
