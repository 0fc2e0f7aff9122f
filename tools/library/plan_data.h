#pragma once

#include <raceway/plan.h>

#include <filesystem>
#include <vector>

#include "engine/plan/physical_plan.h"

namespace raceway {
inline namespace v0 {

struct Plan::State {
  engine::PhysicalPlan plan;
  std::filesystem::path base_dir;
  std::vector<TableSpec> inputs;
  std::vector<TableSpec> results;
};

struct PlanAccess {
  static const Plan::State& StateOf(const Plan& plan) { return *plan.state_; }
};

}  // namespace v0
}  // namespace raceway
