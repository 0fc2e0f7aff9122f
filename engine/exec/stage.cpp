#include "engine/exec/stage.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/exec/caught_error.h"
#include "engine/exec/guard.h"
#include "engine/exec/race.h"
#include "engine/exec/request.h"

namespace raceway::engine {
namespace {

Error NoBatch() { return {.code = ErrorCode::kInternal, .message = "the operator gave no batch"}; }

// Whether the factory made what the plan describes: a step with several inputs is a merger, one
// with several outputs a splitter. A merger of one input is fine.
bool FitsTo(const AnyOperator& op, size_t num_inputs, size_t num_outputs) {
  if (std::visit([](const auto& made) { return made == nullptr; }, op)) return false;
  if (std::holds_alternative<std::unique_ptr<Splitter>>(op)) return num_inputs == 1;
  if (std::holds_alternative<std::unique_ptr<Merger>>(op)) return num_outputs == 1;
  return num_inputs == 1 && num_outputs == 1;
}

bool IsRowWise(const AnyOperator& op) {
  if (const auto* plain = std::get_if<std::unique_ptr<Operator>>(&op)) {
    return (*plain)->is_row_wise();
  }
  return true;  // of no rows, a splitter makes no rows and a merger too
}

// Steps with branches are the engine's own: they decide where rows go, operators do not.
Result<AnyOperator> MakeWithBranches(const OperatorSpec& spec, const StageSurroundings& around) {
  return spec.step.op == "anyof" ? Race::Make(spec, around) : Guard::Make(spec, around);
}

Result<AnyOperator> MakeOperator(const OperatorSpec& spec, const OperatorFactories& factories) {
  const OperatorFactory factory = factories.Find(spec.step.op);
  if (factory == nullptr) {
    return Error{.code = ErrorCode::kUnsupported,
                 .message = "this engine has no operator `" + spec.step.op + "`"};
  }
  try {
    Result<AnyOperator> op = factory(spec);
    if (op && !FitsTo(*op, spec.inputs.size(), spec.outputs.size())) {
      return Error{.code = ErrorCode::kInternal,
                   .message = "`" + spec.step.op + "` does not take " +
                              std::to_string(spec.inputs.size()) + " inputs to " +
                              std::to_string(spec.outputs.size()) + " outputs"};
    }
    return op;
  } catch (...) {
    return CaughtError();
  }
}

}  // namespace

Result<Stage> Stage::Make(const StageSpec& spec, std::vector<SchemaPtr> inputs,
                          const std::vector<SchemaPtr>& outputs, const StageSurroundings& around) {
  Stage stage;
  for (const SchemaPtr& schema : outputs) stage.empty_outputs_.push_back(Batch::Empty(schema));
  for (size_t i = 0; i < spec.steps.size(); ++i) {
    const StepSpec& step = spec.steps[i];
    std::vector<SchemaPtr> leaving;
    if (i + 1 == spec.steps.size()) {
      leaving = outputs;
    } else {
      leaving.push_back(std::make_shared<const Schema>(step.outputs[0]));
    }
    std::string place = step.origin.empty() ? step.label : step.label + " at " + step.origin;
    const OperatorSpec op_spec{step,        std::move(inputs), leaving,
                               spec.device, around.base_dir,   &around.open_store};
    Result<AnyOperator> op = step.branches.empty() ? MakeOperator(op_spec, around.factories)
                                                   : MakeWithBranches(op_spec, around);
    if (!op) {
      if (op.error().stage.empty()) op.error().stage = std::move(place);
      return std::move(op).error();
    }
    stage.steps_.emplace_back(*std::move(op), std::move(place));
    inputs = std::move(leaving);
  }
  bool rest_is_row_wise = true;
  for (size_t i = stage.steps_.size(); i-- > 0;) {
    rest_is_row_wise = rest_is_row_wise && IsRowWise(stage.steps_[i].op);
    stage.steps_[i].rest_is_row_wise = rest_is_row_wise;
  }
  return stage;
}

Stage::Step::Step(AnyOperator made, std::string where)
    : op(std::move(made)), place(std::move(where)) {
  if (const auto* held = std::get_if<std::unique_ptr<Operator>>(&op)) plain = held->get();
  if (const auto* held = std::get_if<std::unique_ptr<Merger>>(&op)) merger = held->get();
  if (const auto* held = std::get_if<std::unique_ptr<Splitter>>(&op)) splitter = held->get();
}

Status Stage::Run(std::span<Batch> inputs, std::span<Batch> outputs,
                  RunContext& context) const noexcept {
  size_t at = 0;
  const auto located = [&](Error error) {
    if (error.stage.empty()) error.stage = steps_[at].place;
    return error;
  };
  try {
    Status status = RunSteps(inputs, outputs, context, at);
    if (!status) status = located(std::move(status).error());
    return status;
  } catch (...) {
    return located(CaughtError());
  }
}

Status Stage::RunSteps(std::span<Batch> inputs, std::span<Batch> outputs, RunContext& context,
                       size_t& at) const {
  Batch merged;
  Batch& batch = inputs.size() == 1 ? inputs[0] : merged;
  for (at = 0; at < steps_.size(); ++at) {
    const Step& step = steps_[at];
    if (at > 0 && context.cancel.may_stop()) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop, {});
    }
    if (step.rest_is_row_wise && batch && batch.num_rows() == 0) {
      std::copy(empty_outputs_.begin(), empty_outputs_.end(), outputs.begin());
      return Done{};
    }
    // Nearly always, and as quick as calling it in a loop of one's own.
    if (step.plain != nullptr) {
      Result<Batch> result = step.plain->Run(std::move(batch), context);
      if (!result) return std::move(result).error();
      batch = *std::move(result);
      if (!batch) return NoBatch();
      continue;
    }
    if (step.splitter != nullptr) {
      Status status = step.splitter->Run(std::move(batch), outputs, context);
      if (!status) return status;
      for (const Batch& output : outputs) {
        if (!output) return NoBatch();
      }
      return Done{};
    }
    const bool has_several = at == 0 && inputs.size() > 1;
    Result<Batch> result = step.merger->Run(has_several ? inputs : std::span(&batch, 1), context);
    if (!result) return std::move(result).error();
    batch = *std::move(result);
    if (!batch) return NoBatch();
  }
  outputs[0] = std::move(batch);
  return Done{};
}

}  // namespace raceway::engine
