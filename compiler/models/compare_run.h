#pragma once

#include <vector>

#include "compiler/models/check_models.h"
#include "compiler/models/trials.h"

namespace raceway::compiler {

/// Says where what came back is not what the model is declared to give. `run` is of trials of these
/// `sizes`.
void CompareWithRun(const DeclaredModel& model, const std::vector<TrialSizes>& sizes,
                    const engine::DryRun& run, dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
