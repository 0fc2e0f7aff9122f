#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/operator.h"

namespace raceway::engine {

class Workers;

/// What stages are made with and run among. All outlive them but the factories, the opener and the
/// folder.
struct StageSurroundings {
  const OperatorFactories& factories;
  const StoreOpener& open_store;
  const std::filesystem::path& base_dir;
  Workers& workers;
};

/// What an operator has done wrong that gives none.
Error NoBatch();

/// The operators of one stage of a plan, made and ready to run one after another.
///
/// Immutable. Threads: `Run` may be called by several at once.
class Stage {
 public:
  /// `inputs` and `outputs` are the schemas of its ports, shared with whoever else needs them.
  ///
  /// Errors   Unsupported for an operator without a factory, else what its factory says
  static Result<Stage> Make(const StageSpec& spec, std::vector<SchemaPtr> inputs,
                            const std::vector<SchemaPtr>& outputs, const StageSurroundings& around);

  /// Takes `inputs`, writes `outputs`; each has as many as the spec. Asks `context.cancel` between
  /// steps. What an operator throws becomes an error; nothing leaves this function but its result.
  ///
  /// A batch without rows is not shown to steps that would only hand on no rows.
  Status Run(std::span<Batch> inputs, std::span<Batch> outputs, RunContext& context) const noexcept;

  /// As `Run`, from step `at` on, but where it says nothing, a step has or gives its `answer`
  /// later: then `at` is that step, and whoever has the answer goes on with it behind that.
  std::optional<Status> Start(std::span<Batch> inputs, std::span<Batch> outputs,
                              RunContext& context, int32_t& at,
                              const Answer& answer) const noexcept;
  /// `error` of step `at`, with its place.
  Error Located(Error error, int32_t at) const;

  /// Whether `Start` may say nothing.
  bool may_answer_later() const;
  /// Whether no rows in means no rows out, without running anything.
  bool is_row_wise() const { return steps_.front().rest_is_row_wise; }
  /// "map(small) at cascade.flow:12:5", of its first step.
  const std::string& place() const { return steps_.front().place; }

 private:
  struct Step {
    Step(AnyOperator made, std::string where);

    AnyOperator op;
    const Operator* plain = nullptr;  // one of the three is what `op` holds
    const Operator* later = nullptr;  // `plain`, if it may answer later
    const Merger* merger = nullptr;
    const Splitter* splitter = nullptr;
    std::string place;
    bool rest_is_row_wise = false;  // this step and all behind it
  };

  std::optional<Status> RunSteps(std::span<Batch> inputs, std::span<Batch> outputs,
                                 RunContext& context, int32_t& at, const Answer* answer) const;

  std::vector<Step> steps_;
  std::vector<Batch> empty_outputs_;
};

}  // namespace raceway::engine
