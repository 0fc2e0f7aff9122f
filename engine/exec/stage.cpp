#include "engine/exec/stage.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/exec/caught_error.h"
#include "engine/exec/compete.h"
#include "engine/exec/guard.h"
#include "engine/exec/race.h"
#include "engine/exec/request.h"

namespace raceway::engine {
namespace {

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

/// As its hints ask; what takes or gives several batches runs alone.
Result<AnyOperator> Competing(AnyOperator op, const StepSpec& step) {
  auto* plain = std::get_if<std::unique_ptr<Operator>>(&op);
  if (plain == nullptr || !step.branches.empty()) return op;
  Result<std::optional<CompeteHints>> hints = CompeteHints::Read(step.hints);
  if (!hints) return std::move(hints).error();
  if (!*hints || (*hints)->replicas == 1) return op;
  return AnyOperator(
      std::unique_ptr<Operator>(std::make_unique<Compete>(std::move(*plain), **std::move(hints))));
}

}  // namespace

Error NoBatch() { return {.code = ErrorCode::kInternal, .message = "the operator gave no batch"}; }

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
    if (op) op = Competing(*std::move(op), step);
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
  if (plain != nullptr && plain->may_answer_later()) later = plain;
  if (const auto* held = std::get_if<std::unique_ptr<Merger>>(&op)) merger = held->get();
  if (const auto* held = std::get_if<std::unique_ptr<Splitter>>(&op)) splitter = held->get();
}

Status Stage::Run(std::span<Batch> inputs, std::span<Batch> outputs,
                  RunContext& context) const noexcept {
  int32_t at = 0;
  try {
    Status status = *RunSteps(inputs, outputs, context, at, nullptr);
    if (!status) status = Located(std::move(status).error(), at);
    return status;
  } catch (...) {
    return Located(CaughtError(), at);
  }
}

std::optional<Status> Stage::Start(std::span<Batch> inputs, std::span<Batch> outputs,
                                   RunContext& context, int32_t& at,
                                   const Answer& answer) const noexcept {
  try {
    std::optional<Status> status = RunSteps(inputs, outputs, context, at, &answer);
    if (status && !*status) status = Located(std::move(*status).error(), at);
    return status;
  } catch (...) {
    return Located(CaughtError(), at);
  }
}

Error Stage::Located(Error error, int32_t at) const {
  if (error.stage.empty()) error.stage = steps_[static_cast<size_t>(at)].place;
  return error;
}

bool Stage::may_answer_later() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.later != nullptr; });
}

std::optional<Status> Stage::RunSteps(std::span<Batch> inputs, std::span<Batch> outputs,
                                      RunContext& context, int32_t& at,
                                      const Answer* answer) const {
  Batch merged;
  Batch& batch = inputs.size() == 1 ? inputs[0] : merged;
  const auto num_steps = static_cast<int32_t>(steps_.size());
  for (; at < num_steps; ++at) {
    const Step& step = steps_[static_cast<size_t>(at)];
    if (at > 0 && context.cancel.may_stop()) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop, {});
    }
    if (step.rest_is_row_wise && batch && batch.num_rows() == 0) {
      std::copy(empty_outputs_.begin(), empty_outputs_.end(), outputs.begin());
      return Done{};
    }
    if (step.later != nullptr && answer != nullptr) {
      // Others may go on with it before this returns: from there on `at` is theirs.
      std::optional<Result<Batch>> result = step.later->Start(std::move(batch), context, *answer);
      if (!result) return std::nullopt;
      if (!*result) return std::move(*result).error();
      batch = **std::move(result);
      if (!batch) return NoBatch();
      continue;
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
