#include "compiler/check/same_columns.h"

#include <algorithm>
#include <utility>

namespace raceway::compiler {

std::string Difference(const NamedTable& first, const NamedTable& other, PlanBuilder& builder) {
  JoinedDims join(builder.dims);
  std::string text;
  const auto add = [&](const std::string& line) { text += (text.empty() ? "" : "; ") + line; };
  for (const TableColumn& column : first.table.columns) {
    const TableColumn* same = other.table.Find(column.name);
    if (same == nullptr) {
      add(other.name + " has no `" + column.name + "`");
      continue;
    }
    const engine::Type& wanted = builder.TypeOf(column.id);
    const engine::Type& found = builder.TypeOf(same->id);
    if (!join(wanted, found)) {
      add("`" + column.name + "` is " + builder.dims.Show(wanted) + " in " + first.name + ", " +
          builder.dims.Show(found) + " in " + other.name);
    }
  }
  for (const TableColumn& column : other.table.columns) {
    if (first.table.Find(column.name) == nullptr) {
      add("only " + other.name + " has `" + column.name + "`");
    }
  }
  return text;
}

namespace {

/// The columns of `table` that `other` lacks, in backquotes: "`a`, `b`".
std::string OnlyIn(const Table& table, const Table& other) {
  std::string text;
  for (const TableColumn& column : table.columns) {
    if (other.Find(column.name) != nullptr) continue;
    text += (text.empty() ? "`" : ", `") + column.name + "`";
  }
  return text;
}

}  // namespace

std::string CureOfDifference(const NamedTable& first, const NamedTable& other) {
  const std::string missing = OnlyIn(first.table, other.table);
  const std::string more = OnlyIn(other.table, first.table);
  std::string text;
  if (!missing.empty()) text = "define " + missing + " in " + other.name;
  if (!missing.empty() && !more.empty()) text += ", and ";
  if (!more.empty()) text += "leave " + more + " out of " + other.name;
  return text;
}

Step NoRowsLike(Table& empty, const Table& like, PlanBuilder& builder) {
  Step step;
  step.kind = StepKind::kDrop;
  step.where = empty.made;
  step.label = "drop";
  empty.columns.clear();
  for (const TableColumn& column : like.columns) {
    const std::string id = builder.NewColumn(column.name, builder.TypeOf(column.id), empty.made);
    step.results.emplace_back(column.name, id);
    empty.columns.push_back({column.name, id});
  }
  step.outputs = {empty.Ids()};
  return step;
}

std::string MergeColumn(const std::string& name, const std::vector<std::string>& from,
                        dsl::SourceRange where, JoinedDims& join, Step& step,
                        PlanBuilder& builder) {
  const auto is_first = [&](const std::string& id) { return id == from.front(); };
  if (std::all_of(from.begin(), from.end(), is_first)) return from.front();
  engine::Type type = builder.TypeOf(from.front());
  for (const std::string& other : from) type = join(type, builder.TypeOf(other)).value_or(type);
  std::string id = builder.NewColumn(name, std::move(type), where);
  step.sources.emplace_back(id, from);
  return id;
}

}  // namespace raceway::compiler
