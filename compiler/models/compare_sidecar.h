#pragma once

#include "compiler/models/check_models.h"
#include "compiler/models/sidecar.h"

namespace raceway::compiler {

/// Says where a model is declared otherwise than in its sidecar. Columns are compared by position,
/// their names only so far as they tell that two were exchanged.
void CompareWithSidecar(const DeclaredModel& model, const Sidecar& sidecar,
                        dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
