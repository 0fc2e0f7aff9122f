#pragma once

#include <c10/core/Storage.h>
#include <c10/core/StorageImpl.h>

#include <functional>
#include <unordered_map>
#include <vector>

#include "engine/cancel.h"
#include "engine/clock.h"
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

/// Sees which of a module's storages an operator reads, before it does. Views pass: who reads them
/// is seen.
class StorageGate : public OperatorGate {
 public:
  /// `numbers` outlive the gate.
  explicit StorageGate(const StorageNumbers& numbers) : numbers_(numbers) {}

  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;

 protected:
  /// Called for each storage of an argument, for some more than once. May wait, may throw.
  virtual void BeforeRead(int32_t storage) = 0;

 private:
  void Look(const at::Tensor& tensor);

  const StorageNumbers& numbers_;
};

/// Lets an operator run once the storages of its arguments are there; says to the load which ones
/// it waits for, and, where that is traced, when each has run and what it read.
///
///   WeightGate gate(numbers, job, cancel);
///   GateScope scope(gate);
///   module.forward(…);  // throws WeightMissing, or Stopped if `cancel` says so first
class WeightGate final : public StorageGate {
 public:
  /// All outlive the gate.
  WeightGate(const StorageNumbers& numbers, LoadJob& job, const CancelToken& cancel)
      : StorageGate(numbers), job_(job), cancel_(cancel) {}

  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;
  void AfterOperator(const c10::OperatorHandle& op) override;

 private:
  void BeforeRead(int32_t storage) override;
  bool is_traced() const { return job_.on_event() != nullptr; }

  LoadJob& job_;
  const CancelToken& cancel_;
  // Where it is traced, of the operator that runs:
  TimePoint begin_ = {};
  std::vector<StorageUse> reads_;
};

/// Calls `need` for the storages of all tensors in `value`, however deep, until one fails.
Status ForStoragesIn(const c10::IValue& value, const StorageNumbers& numbers,
                     const std::function<Status(int32_t storage)>& need);

/// Waits for the storages of all tensors in `value`, however deep.
///
/// Errors   as `LoadJob::Need`
Status WaitForTensorsIn(const c10::IValue& value, const StorageNumbers& numbers, LoadJob& job,
                        const CancelToken* cancel);

}  // namespace raceway::engine::load
