#pragma once

#include <c10/core/Storage.h>
#include <c10/core/StorageImpl.h>

#include <functional>
#include <unordered_map>
#include <vector>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/gate.h"
#include "engine/load/device_landing.h"
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

/// Sees which of a module's weights an operator uses, before it does.
class StorageGate : public OperatorGate {
 public:
  /// `numbers` outlive the gate.
  explicit StorageGate(const StorageNumbers& numbers) : numbers_(numbers) {}

  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;

 protected:
  /// Called as `ForEachWeight` calls. May wait, may throw.
  virtual void BeforeUse(int32_t number, bool is_written) = 0;
  const StorageNumbers& numbers() const { return numbers_; }

 private:
  const StorageNumbers& numbers_;
};

/// Lets an operator run once the storages of its arguments are there; says to the load which ones
/// it waits for, and, where that is traced, when each has run and what it read. Views pass: who
/// reads them waits. On a device it is there when the copy has been given to the device's stream:
/// then the stream waits, and the operator is launched.
///
///   WeightGate gate(numbers, job, cancel);
///   GateScope scope(gate);
///   module.forward(…);  // throws WeightMissing, or Stopped if `cancel` says so first
class WeightGate final : public StorageGate {
 public:
  /// All outlive the gate. `shares_pages`: whoever writes into a weight gets a copy of the page,
  /// which others that are read into it later would miss; so who writes waits for all. `landing`:
  /// of weights on a device, else null.
  WeightGate(const StorageNumbers& numbers, LoadJob& job, const CancelToken& cancel,
             bool shares_pages = false, const DeviceLanding* landing = nullptr)
      : StorageGate(numbers),
        job_(job),
        cancel_(cancel),
        shares_pages_(shares_pages),
        landing_(landing) {}

  /// The weights in a value, which no operator may have read.
  void WaitFor(const c10::IValue& value);

  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;
  void AfterOperator(const c10::OperatorHandle& op) override;

 private:
  void BeforeUse(int32_t number, bool is_written) override;
  bool is_traced() const { return job_.on_event() != nullptr; }

  LoadJob& job_;
  const CancelToken& cancel_;
  const bool shares_pages_;
  const DeviceLanding* const landing_;
  // Where it is traced, of the operator that runs:
  TimePoint begin_ = {};
  std::vector<StorageUse> reads_;
};

}  // namespace raceway::engine::load
