#include <raceway/plan.h>

#include <algorithm>
#include <utility>

#include "engine/input_file.h"
#include "tools/library/convert.h"
#include "tools/library/plan_data.h"

namespace raceway {
inline namespace v0 {

Result<Plan> Plan::Load(const std::filesystem::path& file) {
  return Load(file, file.parent_path());
}

Result<Plan> Plan::Load(const std::filesystem::path& file, const std::filesystem::path& base_dir) {
  engine::Result<std::string> text = engine::ReadFile(file);
  if (!text) return library::FromEngine(std::move(text).error());
  Result<Plan> plan = FromJson(*text, base_dir);
  if (!plan) plan.error().message.insert(0, file.string() + ": ");
  return plan;
}

Result<Plan> Plan::FromJson(std::string_view json, const std::filesystem::path& base_dir) {
  engine::Result<engine::PhysicalPlan> plan = engine::PlanFromJson(json);
  if (!plan) return library::FromEngine(std::move(plan).error());
  engine::Status valid = engine::Validate(*plan);
  if (!valid) return library::FromEngine(std::move(valid).error());
  auto state = std::make_shared<State>();
  state->base_dir = base_dir;
  for (const engine::InputSpec& input : plan->inputs) {
    TableSpec& table = state->inputs.emplace_back();
    table = {input.name, library::FromEngine(input.CallerSchema())};
    for (Field& field : table.schema) {
      field.has_default =
          std::any_of(input.defaults.begin(), input.defaults.end(),
                      [&](const auto& column) { return column.first == field.name; });
    }
  }
  for (const engine::ResultSpec& result : plan->results) {
    state->results.push_back({result.name, library::FromEngine(plan->ResultSchema(result))});
  }
  state->plan = *std::move(plan);
  return Plan(std::move(state));
}

Plan::Plan(std::shared_ptr<const State> state) : state_(std::move(state)) {}

const std::string& Plan::flow() const { return state_->plan.flow; }
const std::vector<TableSpec>& Plan::inputs() const { return state_->inputs; }
const std::vector<TableSpec>& Plan::results() const { return state_->results; }
const std::filesystem::path& Plan::base_dir() const { return state_->base_dir; }

std::vector<std::string> Plan::files() const {
  std::vector<std::string> paths;
  for (const engine::FileSpec& file : state_->plan.files) paths.push_back(file.path);
  return paths;
}

std::string Plan::ToJson() const { return engine::ToJson(state_->plan); }

}  // namespace v0
}  // namespace raceway
