#include "compiler/rewrite/takes_out_rows.h"

namespace raceway::compiler {

std::string MissOf(const Step& lookup) {
  return *engine::Value(lookup.options).Find("miss")->AsString();
}

bool TakesOutRows(const Step& step) {
  return step.kind == StepKind::kFilter || step.kind == StepKind::kLimit ||
         (step.kind == StepKind::kLookup && MissOf(step) == "drop");
}

}  // namespace raceway::compiler
