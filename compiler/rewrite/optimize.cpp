#include "compiler/rewrite/optimize.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "compiler/plan/explain.h"
#include "compiler/plan/verify.h"
#include "compiler/rewrite/constant_folding.h"
#include "compiler/rewrite/dead_columns.h"
#include "compiler/rewrite/exclusive_branches.h"
#include "compiler/rewrite/exclusive_routes.h"
#include "compiler/rewrite/filter_push_down.h"
#include "compiler/rewrite/fuse_chains.h"
#include "compiler/rewrite/lookup_beside_consumer.h"
#include "compiler/rewrite/merge_branches.h"
#include "compiler/rewrite/narrow_copies.h"
#include "compiler/rewrite/prefetch_lookups.h"
#include "compiler/rewrite/shared_subflows.h"

namespace raceway::compiler {
namespace {

constexpr Pass kPasses[] = {
    // First: what folds to the same is shared, what folds to `true` is no filter to move.
    {"constant-folding", &ConstantFolding},
    // Before splits are made: of equal filters with equal negations one pair is left.
    {"shared-subflows", &SharedSubflows},
    // While both halves of a split read one table; a filter that moved reads another.
    {"exclusive-branches", &ExclusiveBranches},
    // Before filters move into the branches, and so that they pass what comes of them.
    {"merge-branches", &MergeBranches},
    // After splits are made, which filters would else leave; before dead columns go, since a
    // filter that moved needs its columns for less long.
    {"filter-push-down", &FilterPushDown},
    // After all that looks at splits in two.
    {"exclusive-routes", &ExclusiveRoutes},
    // After filters moved up, which it would pass; before dead columns go, since fewer are carried.
    {"lookup-beside-consumer", &LookupBesideConsumer},
    // Before fusing: it takes out whole stages, and what is left fuses further.
    {"dead-columns", &DeadColumns},
    // After nobody carries what nobody reads; before fusing, which takes in what only narrows.
    {"narrow-copies", &NarrowCopies},
    // Before fusing, which takes it in. Other rewrites need not look past it.
    {"prefetch-lookups", &PrefetchLookups},
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

bool IsWanted(const Pass& pass, std::span<const std::string> without) {
  return std::find(without.begin(), without.end(), pass.name) == without.end();
}

}  // namespace

std::span<const Pass> AllPasses() { return kPasses; }

LogicalPlan Optimize(LogicalPlan plan, std::span<const std::string> without) {
  VerifyOrDie(plan, "check");
  for (const Pass& pass : kPasses) {
    if (!IsWanted(pass, without)) continue;
    plan = pass.run(std::move(plan));
    VerifyOrDie(plan, pass.name);
  }
  return plan;
}

std::vector<PassResult> OptimizeStepwise(LogicalPlan plan, std::span<const std::string> without) {
  VerifyOrDie(plan, "check");
  std::vector<PassResult> results;
  for (const Pass& pass : kPasses) {
    if (!IsWanted(pass, without)) continue;
    plan = pass.run(std::move(plan));
    VerifyOrDie(plan, pass.name);
    results.push_back({pass.name, plan});
  }
  return results;
}

}  // namespace raceway::compiler
