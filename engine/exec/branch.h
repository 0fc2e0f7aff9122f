#pragma once

#include <string>
#include <vector>

#include "engine/exec/stage.h"

namespace raceway::engine {

/// Stages inside of a step: run one after another by the thread that has the rows.
///
/// Immutable. Threads: `Run` may be called by several at once.
class Branch {
 public:
  /// `input` is what comes into the step.
  static Result<Branch> Make(const BranchSpec& spec, const SchemaPtr& input,
                             const StageSurroundings& around);

  /// Asks `context.cancel` between stages.
  Result<Batch> Run(Batch input, RunContext& context) const;

  const std::string& name() const { return name_; }
  const SchemaPtr& output_schema() const { return output_schema_; }
  /// Whether no rows in means no rows out.
  bool is_row_wise() const;
  /// Whether it has a stage that is worth waking another thread for.
  bool is_worth_task() const { return is_worth_task_; }

 private:
  struct Input {
    size_t port = 0;
    bool is_last_use = false;
  };
  struct Node {
    Stage stage;
    std::vector<Input> inputs;
    size_t first_port = 0;  // of its outputs
    size_t num_ports = 0;
  };

  std::string name_;
  std::vector<Node> nodes_;  // each after those it reads
  size_t num_ports_ = 1;     // numbered through: 0 is the input
  size_t output_port_ = 0;
  SchemaPtr output_schema_;
  bool is_worth_task_ = false;
};

}  // namespace raceway::engine
