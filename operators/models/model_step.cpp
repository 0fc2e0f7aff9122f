#include "operators/models/model_step.h"

#include <c10/core/InferenceMode.h>

#include <optional>
#include <utility>

#include "engine/load/weight_gate.h"
#include "operators/models/inputs.h"
#include "operators/models/intra_op_threads.h"
#include "operators/row_errors.h"

namespace raceway::operators {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;

ModelStep::ModelStep(ModelOptions options, std::shared_ptr<const LoadedModel> model,
                     std::vector<Outcome> outcomes)
    : options_(std::move(options)),
      model_(std::move(model)),
      outcomes_(std::move(outcomes)),
      has_gate_(engine::InstallOperatorGate().ok()) {}

Error ModelStep::Named(Error error) const {
  error.message.insert(0, "model " + options_.name + ": ");
  return error;
}

Result<std::vector<int64_t>> ModelStep::LengthsOf(std::span<const Column> args,
                                                  int64_t num_rows) const {
  if (!options_.padding.is_on()) return std::vector<int64_t>();
  Result<std::vector<int64_t>> lengths = operators::LengthsOf(args, options_.padding, num_rows);
  if (!lengths) return Named(std::move(lengths).error());
  return lengths;
}

Result<c10::IValue> ModelStep::Ask(std::span<const Column> args, std::span<const int64_t> lengths,
                                   const engine::CancelToken& cancel,
                                   engine::OperatorGate* gate) const {
  const c10::InferenceMode inference;
  const IntraOpThreads threads(options_.num_threads);
  std::optional<engine::GateScope> scope;
  try {
    std::vector<c10::IValue> inputs =
        InputsOf(args, model_->parameters(), options_.padding, lengths, model_->writes_inputs());
    if (has_gate_ && gate != nullptr) scope.emplace(*gate);
    return model_->Call(std::move(inputs), cancel);
  } catch (const engine::Stopped& stopped) {
    return StopError(stopped.code);
  } catch (const engine::load::WeightMissing& missing) {
    return Named(missing.error);
  } catch (const std::exception& exception) {
    // Compiled code makes an error of its own of what the gate throws.
    if (const auto stop = cancel.Check()) return StopError(*stop);
    return Named({ErrorCode::kFailed, OneLine(exception.what())});
  }
}

Result<std::vector<Column>> ModelStep::Read(const c10::IValue& answer,
                                            std::span<const int64_t> lengths,
                                            int64_t num_rows) const {
  const c10::InferenceMode inference;
  Result<std::vector<Column>> results =
      ColumnsOf(answer, outcomes_, num_rows, options_.dtype.has_value());
  if (!results) return Named(std::move(results).error());
  if (lengths.empty()) return results;
  Status cut = CutPadding(*results, outcomes_, options_.padding, lengths);
  if (!cut) return Named(std::move(cut).error());
  return results;
}

}  // namespace raceway::operators
