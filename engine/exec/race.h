#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "engine/exec/branch.h"
#include "engine/exec/merge.h"
#include "engine/workers.h"

namespace raceway::engine {

/// `anyof`: each row takes the first good answer that one of several branches has for it.
///
/// The thread that has the rows runs the branches in the order written. Those that are worth a task
/// are offered to the workers as well: whoever comes first has it. A branch gets the rows that have
/// no answer when it starts. Once all have one, or after `within`, the others are cancelled and not
/// waited for; what they still bring is dropped.
class Race final : public Operator {
 public:
  /// A branch, and which of its columns says whether an answer is good; -1: all are.
  struct Runner {
    Branch branch;
    int32_t accept = -1;
  };

  static Result<AnyOperator> Make(const OperatorSpec& spec, const StageSurroundings& around);

  Result<Batch> Run(Batch input, RunContext& context) const override;
  bool is_row_wise() const override;

 private:
  Race(std::vector<Runner> runners, std::optional<Branch> otherwise, Merge merge, Workers& workers)
      : runners_(std::move(runners)),
        otherwise_(std::move(otherwise)),
        merge_(std::move(merge)),
        workers_(workers) {}

  std::vector<Runner> runners_;
  std::optional<Branch> otherwise_;  // `else`
  std::optional<std::chrono::nanoseconds> within_;
  std::vector<std::string> answer_columns_;  // of the result, shown where no answer is good
  Merge merge_;
  Workers& workers_;
};

}  // namespace raceway::engine
