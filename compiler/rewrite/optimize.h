#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// A rewrite: plan → equal plan.
struct Pass {
  std::string_view name;  // kebab-case, for switches and traces
  LogicalPlan (*run)(LogicalPlan plan);
};

/// All rewrites in the order they run.
std::span<const Pass> AllPasses();

/// Runs the passes, all but those named in `without`, and verifies the plan after each. A plan
/// that fails is our own mistake: the process ends with the name of the pass that broke it.
LogicalPlan Optimize(LogicalPlan plan, std::span<const std::string> without = {});

/// The plan as a pass left it.
struct PassResult {
  std::string_view pass;
  LogicalPlan plan;
};

/// The same step by step: what each pass that ran made of the plan, in order.
std::vector<PassResult> OptimizeStepwise(LogicalPlan plan,
                                         std::span<const std::string> without = {});

}  // namespace raceway::compiler
