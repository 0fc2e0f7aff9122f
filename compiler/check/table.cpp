#include "compiler/check/table.h"

#include <algorithm>
#include <utility>

namespace raceway::compiler {

const TableColumn* Table::Find(std::string_view name) const {
  for (const TableColumn& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::vector<std::string> Table::Ids() const {
  std::vector<std::string> ids;
  // Two names may stand for one column.
  const auto add = [&](const std::vector<TableColumn>& some) {
    for (const TableColumn& column : some) {
      if (std::find(ids.begin(), ids.end(), column.id) == ids.end()) ids.push_back(column.id);
    }
  };
  add(columns);
  add(passing);
  return ids;
}

std::vector<std::string> Table::Names() const {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.name);
  return names;
}

std::string SeveralTables(const std::vector<Table>& tables) {
  const bool is_flow = !tables.front().result.empty();
  const std::string number = tables.size() == 2 ? "two" : std::to_string(tables.size());
  return (is_flow ? tables.front().made_by : "`split`") + " gives " + number + " tables";
}

std::string HowToName(const std::vector<Table>& tables) {
  if (tables.front().result.empty()) return "let (holds, rest) = … |> split(…)";
  std::string names;
  for (const Table& table : tables) names += (names.empty() ? "" : ", ") + table.result;
  return "let (" + names + ") = …";
}

std::string PlanBuilder::Unique(const std::string& base, std::map<std::string, int>& taken) {
  int& count = taken[base];
  if (++count == 1) return base;
  // `base.2` may itself be the name of something.
  return Unique(base + "." + std::to_string(count), taken);
}

std::string PlanBuilder::NewColumn(const std::string& base, engine::Type type,
                                   dsl::SourceRange where) {
  std::string id = Unique(base, column_names_);
  plan.columns[id] = std::move(type);
  origins_[id] = where;
  return id;
}

Stage PlanBuilder::NewStage(const std::string& name, std::vector<Port> inputs, Step step) {
  ++num_stages_;
  step.hints = hints.OfStep(step.function.hints, step.kind == StepKind::kMap);
  Stage stage;
  stage.name = Unique(name, stage_names_);
  stage.inputs = std::move(inputs);
  stage.steps.push_back(std::move(step));
  return stage;
}

void PlanBuilder::BeginBranch() { outer_stages_.push_back(std::exchange(plan.stages, {})); }

Branch PlanBuilder::EndBranch(std::string name, Port end) {
  Branch branch{
      std::move(name), std::exchange(plan.stages, std::move(outer_stages_.back())), end, {}};
  outer_stages_.pop_back();
  RemoveUnread(branch.stages, {&branch.output});
  return branch;
}

Port PlanBuilder::AddStage(const std::string& name, std::vector<Port> inputs, Step step) {
  plan.stages.push_back(NewStage(name, std::move(inputs), std::move(step)));
  return Port{static_cast<int32_t>(plan.stages.size()) - 1, 0};
}

std::string PlanBuilder::Show(const Table& table) const {
  std::string text = "(";
  for (const TableColumn& column : table.columns) {
    if (text.size() > 1) text += ", ";
    text += column.name + ": " + dims.Show(TypeOf(column.id));
  }
  if (table.open) text += text.size() > 1 ? ", ..." : "...";
  return text + ")";
}

}  // namespace raceway::compiler
