#include "compiler/check/facts.h"

#include <algorithm>

namespace raceway::compiler {

const TableFact::Column* TableFact::Find(std::string_view name) const {
  const auto has_name = [&](const Column& column) { return column.name == name; };
  const auto found = std::find_if(columns.begin(), columns.end(), has_name);
  return found == columns.end() ? nullptr : &*found;
}

size_t Facts::AddTable(const Table& table, const PlanBuilder& builder) {
  TableFact fact;
  fact.columns.reserve(table.columns.size());
  for (const TableColumn& column : table.columns) {
    fact.columns.push_back({column.name, column.id, builder.dims.Show(builder.TypeOf(column.id)),
                            builder.OriginOf(column.id)});
  }
  fact.has_more = table.open.has_value() || !table.passing.empty();
  tables.push_back(std::move(fact));
  return tables.size() - 1;
}

}  // namespace raceway::compiler
