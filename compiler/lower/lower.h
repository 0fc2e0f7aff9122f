#pragma once

#include <string>

#include "compiler/plan/logical_plan.h"
#include "dsl/diagnostic.h"
#include "dsl/source_set.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway::compiler {

/// The files that a plan names. The compiler itself reads none.
class Files {
 public:
  virtual ~Files() = default;
  /// Size and content hash of `path` (relative to the flow's folder).
  ///
  /// Errors   Unavailable, with the reason, if it cannot be read
  virtual engine::Result<engine::FileSpec> Describe(const std::string& path) = 0;
};

/// Logical plan → the engine's input language. A file that cannot be read is reported where the
/// flow names it; the plan is whole all the same, so that it can be shown.
engine::PhysicalPlan Lower(const LogicalPlan& plan, const dsl::SourceSet& sources, Files& files,
                           dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
