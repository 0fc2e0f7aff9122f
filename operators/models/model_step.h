#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/cancel.h"
#include "engine/data/column.h"
#include "engine/gate.h"
#include "engine/result.h"
#include "operators/models/loaded_model.h"
#include "operators/models/options.h"
#include "operators/models/outputs.h"

namespace raceway::operators {

/// What one step of a flow wants of a model: how it is called, and what its answers are read as.
///
/// Immutable. Threads: any, several at once
class ModelStep {
 public:
  ModelStep(ModelOptions options, std::shared_ptr<const LoadedModel> model,
            std::vector<Outcome> outcomes);

  const LoadedModel& model() const { return *model_; }
  const ModelOptions& options() const { return options_; }
  const std::vector<Outcome>& outcomes() const { return outcomes_; }
  engine::Error Named(engine::Error error) const;

  /// How long each row is in the padded dimension; empty where there is none.
  ///
  /// Errors   Failed, of a row whose columns differ there
  engine::Result<std::vector<int64_t>> LengthsOf(std::span<const engine::Column> args,
                                                 int64_t num_rows) const;

  /// Calls the model with rows that go into one call. Waits for its weights as long as `cancel`
  /// lets it. `gate` sees its operators; null: none does.
  ///
  /// Errors   Failed for what the model throws and for weights that cannot be read; Cancelled,
  ///          DeadlineExceeded
  engine::Result<c10::IValue> Ask(std::span<const engine::Column> args,
                                  std::span<const int64_t> lengths,
                                  const engine::CancelToken& cancel,
                                  engine::OperatorGate* gate) const;

  /// A column for each outcome, of an answer to `num_rows` rows.
  ///
  /// Errors   Failed where it is not as declared
  engine::Result<std::vector<engine::Column>> Read(const c10::IValue& answer,
                                                   std::span<const int64_t> lengths,
                                                   int64_t num_rows) const;

 private:
  ModelOptions options_;
  std::shared_ptr<const LoadedModel> model_;
  std::vector<Outcome> outcomes_;
  bool has_gate_;  // else a run cannot be stopped before its end
};

}  // namespace raceway::operators
