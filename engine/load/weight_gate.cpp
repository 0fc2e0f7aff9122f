#include "engine/load/weight_gate.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <utility>
#include <vector>

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

void Visit(const at::Tensor& tensor, const StorageNumbers& numbers, bool is_written,
           const std::function<void(int32_t, bool)>& visit) {
  const int32_t number = NumberOf(tensor, numbers);
  if (number >= 0) visit(number, is_written);
}

}  // namespace

void ForEachWeight(const c10::OperatorHandle& op, const torch::jit::Stack& stack,
                   const StorageNumbers& numbers,
                   const std::function<void(int32_t number, bool is_written)>& visit) {
  if (IsView(op)) return;
  const std::vector<c10::Argument>& declared = op.schema().arguments();
  const auto arguments = torch::jit::last(stack, declared.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const c10::IValue& argument = arguments[i];
    const c10::AliasInfo* alias = declared[i].alias_info();
    const bool is_written = alias != nullptr && alias->isWrite();
    if (argument.isTensor()) {
      Visit(argument.toTensor(), numbers, is_written, visit);
    } else if (argument.isTensorList()) {
      for (const at::Tensor& tensor : argument.toTensorVector()) {
        Visit(tensor, numbers, is_written, visit);
      }
    } else if (argument.isList()) {  // of optional tensors, as `index` takes
      for (const c10::IValue& element : argument.toListRef()) {
        if (element.isTensor()) Visit(element.toTensor(), numbers, is_written, visit);
      }
    }
  }
}

void ForEachWeight(const c10::IValue& value, const StorageNumbers& numbers,
                   const std::function<void(int32_t number)>& visit) {
  value.visit([&](const c10::IValue& inner) {
    if (!inner.isTensor()) return false;
    const int32_t number = NumberOf(inner.toTensor(), numbers);
    if (number >= 0) visit(number);
    return true;
  });
}

void ThrowIfMissing(Status arrived, const CancelToken& cancel) {
  if (arrived) return;
  if (const auto stop = cancel.Check()) throw Stopped{*stop};
  throw WeightMissing{std::move(arrived).error()};
}

void StorageGate::BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  ForEachWeight(op, stack, numbers_,
                [this](int32_t number, bool is_written) { BeforeUse(number, is_written); });
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

void WeightGate::BeforeUse(int32_t number, bool is_written) {
  if (is_traced()) reads_.push_back({number, job_.num_bytes(number)});
  if (is_written && shares_pages_) {
    ThrowIfMissing(job_.WaitAll(&cancel_), cancel_);
  } else if (!job_.IsReady(number)) {
    ThrowIfMissing(job_.Need(number, &cancel_), cancel_);
  }
  if (landing_ != nullptr) landing_->AwaitInStream(number);
}

void WeightGate::WaitFor(const c10::IValue& value) {
  ForEachWeight(value, numbers(), [this](int32_t number) { BeforeUse(number, false); });
}

}  // namespace raceway::engine::load
