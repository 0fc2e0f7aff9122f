#include "compiler/rewrite/optimize.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "compiler/plan/explain.h"
#include "compiler/plan/verify.h"
#include "compiler/rewrite/dead_columns.h"
#include "compiler/rewrite/exclusive_branches.h"
#include "compiler/rewrite/fuse_chains.h"

namespace raceway::compiler {
namespace {

constexpr Pass kPasses[] = {
    // First, while each half of a split is still a stage of its own.
    {"exclusive-branches", &ExclusiveBranches},
    // Before fusing: it takes out whole stages, and what is left fuses further.
    {"dead-columns", &DeadColumns},
    {"fuse-chains", &FuseChains},
};

void VerifyOrDie(const LogicalPlan& plan, std::string_view after) {
  if (const std::optional<std::string> problem = Verify(plan)) {
    std::fprintf(stderr, "raceway: internal error: the plan is broken after %.*s: %s\n",
                 static_cast<int>(after.size()), after.data(), problem->c_str());
    std::fputs(Explain(plan).c_str(), stderr);
    std::abort();
  }
}

}  // namespace

std::span<const Pass> AllPasses() { return kPasses; }

LogicalPlan Optimize(LogicalPlan plan, std::span<const std::string> without) {
  VerifyOrDie(plan, "check");
  for (const Pass& pass : kPasses) {
    if (std::find(without.begin(), without.end(), pass.name) != without.end()) continue;
    plan = pass.run(std::move(plan));
    VerifyOrDie(plan, pass.name);
  }
  return plan;
}

}  // namespace raceway::compiler
