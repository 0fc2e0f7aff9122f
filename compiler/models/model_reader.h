#pragma once

#include <span>

#include "engine/dry_run.h"
#include "engine/result.h"

namespace raceway::compiler {

/// Looks into the model files that flows name. The compiler itself opens none.
class ModelReader {
 public:
  virtual ~ModelReader() = default;
  /// Runs the model on zeros, once for each trial.
  ///
  /// Errors   Unavailable if the file cannot be read, InvalidArgument if it is no model,
  ///          DeadlineExceeded if it takes too long, Failed if it ends its process
  virtual engine::Result<engine::DryRun> RunOnZeros(
      const engine::DryRunModel& model, std::span<const engine::DryRunTrial> trials) = 0;
};

}  // namespace raceway::compiler
