#pragma once

#include <filesystem>
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

  /// Whether no rows in means no rows out, without running anything.
  bool is_row_wise() const { return steps_.front().rest_is_row_wise; }
  /// "map(small) at cascade.flow:12:5", of its first step.
  const std::string& place() const { return steps_.front().place; }

 private:
  struct Step {
    Step(AnyOperator made, std::string where);

    AnyOperator op;
    const Operator* plain = nullptr;  // one of the three is what `op` holds
    const Merger* merger = nullptr;
    const Splitter* splitter = nullptr;
    std::string place;
    bool rest_is_row_wise = false;  // this step and all behind it
  };

  Status RunSteps(std::span<Batch> inputs, std::span<Batch> outputs, RunContext& context,
                  size_t& at) const;

  std::vector<Step> steps_;
  std::vector<Batch> empty_outputs_;
};

}  // namespace raceway::engine
