#include "engine/load/weight_gate.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <utility>

namespace raceway::engine::load {
namespace {

/// Whether it only makes another tensor of the same bytes: `view`, `transpose`, `slice`. Not
/// composites, which may do so or copy: `to`, `contiguous`, `reshape`.
bool IsView(const c10::OperatorHandle& op) {
  const auto& results = op.schema().returns();
  return !results.empty() &&
         std::all_of(results.begin(), results.end(),
                     [](const c10::Argument& result) {
                       return result.alias_info() != nullptr && !result.alias_info()->isWrite();
                     }) &&
         !op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd);
}

/// The storage's number; -1 if it is none of the load's.
int32_t NumberOf(const at::Tensor& tensor, const StorageNumbers& numbers) {
  if (!tensor.defined() || !tensor.has_storage()) return -1;
  const auto found = numbers.find(tensor.storage().unsafeGetStorageImpl());
  return found == numbers.end() ? -1 : found->second;
}

}  // namespace

void StorageGate::BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  if (IsView(op)) return;
  for (const c10::IValue& argument : torch::jit::last(stack, op.schema().arguments().size())) {
    if (argument.isTensor()) {
      Look(argument.toTensor());
    } else if (argument.isTensorList()) {
      for (const at::Tensor& tensor : argument.toTensorVector()) Look(tensor);
    } else if (argument.isList()) {  // of optional tensors, as `index` takes
      for (const c10::IValue& element : argument.toListRef()) {
        if (element.isTensor()) Look(element.toTensor());
      }
    }
  }
}

void StorageGate::Look(const at::Tensor& tensor) {
  const int32_t number = NumberOf(tensor, numbers_);
  if (number >= 0) BeforeRead(number);
}

void WeightGate::BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  reads_.clear();
  StorageGate::BeforeOperator(op, stack);
  if (is_traced()) begin_ = job_.clock().Now();
}

void WeightGate::AfterOperator(const c10::OperatorHandle& op) {
  if (!is_traced()) return;
  job_.on_event()({.lane = Lane::kExecute,
                   .begin = begin_,
                   .end = job_.clock().Now(),
                   .name = toString(op.operator_name()),
                   .reads = reads_});
}

void WeightGate::BeforeRead(int32_t storage) {
  if (is_traced()) reads_.push_back({storage, job_.num_bytes(storage)});
  if (job_.IsReady(storage)) return;
  Status arrived = job_.Need(storage, &cancel_);
  if (arrived) return;
  if (const auto stop = cancel_.Check()) throw Stopped{*stop};
  throw WeightMissing{std::move(arrived).error()};
}

Status ForStoragesIn(const c10::IValue& value, const StorageNumbers& numbers,
                     const std::function<Status(int32_t storage)>& need) {
  Status there = Done{};
  value.visit([&](const c10::IValue& inner) {
    if (!there) return true;
    if (!inner.isTensor()) return false;
    const int32_t number = NumberOf(inner.toTensor(), numbers);
    if (number >= 0) there = need(number);
    return true;
  });
  return there;
}

Status WaitForTensorsIn(const c10::IValue& value, const StorageNumbers& numbers, LoadJob& job,
                        const CancelToken* cancel) {
  return ForStoragesIn(value, numbers, [&](int32_t storage) { return job.Need(storage, cancel); });
}

}  // namespace raceway::engine::load
