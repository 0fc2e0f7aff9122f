#pragma once

#include <c10/core/Storage.h>
#include <c10/core/StorageImpl.h>

#include <functional>
#include <unordered_map>

#include "engine/cancel.h"
#include "engine/gate.h"
#include "engine/load/load_job.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Which of a load's storages lies where.
using StorageNumbers = std::unordered_map<const c10::StorageImpl*, int32_t>;

/// What `WeightGate` throws when a weight does not come. Not a `std::exception`, see
/// `OperatorGate`.
struct WeightMissing {
  Error error;
};

/// Calls `visit` with each weight among an operator's arguments, and whether it is written. Not for
/// views: who reads those reads the weight.
void ForEachWeight(const c10::OperatorHandle& op, const torch::jit::Stack& stack,
                   const StorageNumbers& numbers,
                   const std::function<void(int32_t number, bool is_written)>& visit);
/// With each weight among the tensors in `value`, however deep.
void ForEachWeight(const c10::IValue& value, const StorageNumbers& numbers,
                   const std::function<void(int32_t number)>& visit);

/// What a gate throws where a wait has ended badly. Nothing if it has not.
void ThrowIfMissing(Status arrived, const CancelToken& cancel);

/// Lets an operator run once the storages of its arguments are there; says to the load which ones
/// it waits for. Views pass: who reads them waits.
///
///   WeightGate gate(numbers, job, cancel);
///   GateScope scope(gate);
///   module.forward(…);  // throws WeightMissing, or Stopped if `cancel` says so first
class WeightGate final : public OperatorGate {
 public:
  /// All outlive the gate. `shares_pages`: whoever writes into a weight gets a copy of the page,
  /// which others that are read into it later would miss; so who writes waits for all.
  WeightGate(const StorageNumbers& numbers, LoadJob& job, const CancelToken& cancel,
             bool shares_pages = false)
      : numbers_(numbers), job_(job), cancel_(cancel), shares_pages_(shares_pages) {}

  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;
  /// The weights in an answer, which no operator may have read.
  void WaitFor(const c10::IValue& answer);

 private:
  void WaitFor(int32_t number, bool is_written);

  const StorageNumbers& numbers_;
  LoadJob& job_;
  const CancelToken& cancel_;
  const bool shares_pages_;
};

/// Waits for the storages of all tensors in `value`, however deep.
///
/// Errors   as `LoadJob::Need`
Status WaitForTensorsIn(const c10::IValue& value, const StorageNumbers& numbers, LoadJob& job,
                        const CancelToken* cancel);

}  // namespace raceway::engine::load
