#include "engine/load/identity_gate.h"

#include <ATen/core/dispatch/Dispatcher.h>

namespace raceway::engine::load {
namespace {

bool IsSame(const at::Tensor& a, const at::Tensor& b) {
  return a.storage().unsafeGetStorageImpl() == b.storage().unsafeGetStorageImpl() &&
         a.storage_offset() == b.storage_offset() && a.sizes() == b.sizes() &&
         a.strides() == b.strides() && a.scalar_type() == b.scalar_type();
}

}  // namespace

IdentityGate::IdentityGate(const Placeholders& placeholders) {
  for (const auto* storages : {&placeholders.data, &placeholders.constants}) {
    for (const auto& [name, storage] : *storages) pending_.insert(storage.unsafeGetStorageImpl());
  }
}

bool IdentityGate::IsPending(const at::Tensor& tensor) const {
  return tensor.defined() && tensor.has_storage() &&
         pending_.contains(tensor.storage().unsafeGetStorageImpl());
}

bool IdentityGate::Answers(const c10::OperatorHandle& op, torch::jit::Stack& stack) {
  if (op.operator_name().name != "aten::equal") return false;
  const at::Tensor& a = torch::jit::peek(stack, 0, 2).toTensor();
  const at::Tensor& b = torch::jit::peek(stack, 1, 2).toTensor();
  if (!IsPending(a) && !IsPending(b)) return false;
  const bool is_same = IsPending(a) && IsPending(b) && IsSame(a, b);
  torch::jit::drop(stack, 2);
  torch::jit::push(stack, is_same);
  return true;
}

}  // namespace raceway::engine::load
