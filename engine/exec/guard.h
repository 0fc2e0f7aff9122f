#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "engine/exec/attempt.h"
#include "engine/exec/merge.h"

namespace raceway::engine {

/// `guard`: what happens to rows for which a step fails or takes too long.
///
/// A stop of the request (cancelled, late) is none of its business: it passes.
class Guard final : public Operator {
 public:
  /// `spec.step` has the branches.
  static Result<AnyOperator> Make(const OperatorSpec& spec, const StageSurroundings& around);

  Result<Batch> Run(Batch input, RunContext& context) const override;
  bool is_row_wise() const override;

 private:
  Guard(std::vector<Branch> branches, Merge merge)
      : branches_(std::move(branches)), merge_(std::move(merge)) {}

  Attempt TryFirst(const Batch& numbered, RunContext& context) const;
  bool has_substitute() const { return branches_.size() > 1; }

  std::vector<Branch> branches_;  // what is guarded, and perhaps its substitute
  Merge merge_;
  std::string label_;
  std::optional<std::chrono::nanoseconds> timeout_;
  bool each_row_ = false;
  bool drops_failed_ = false;
};

}  // namespace raceway::engine
