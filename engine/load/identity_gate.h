#pragma once

#include <c10/core/StorageImpl.h>

#include <unordered_set>

#include "engine/gate.h"
#include "engine/load/torchscript_structure.h"

namespace raceway::engine::load {

/// Answers `aten::equal` of tensors whose bytes are not there by what they are: equal if they lie
/// in the same place in the same way. LibTorch asks whenever it pools the constants of a graph, and
/// would merge all that are still empty.
class IdentityGate final : public OperatorGate {
 public:
  explicit IdentityGate(const Placeholders& placeholders);

  void BeforeOperator(const c10::OperatorHandle&, const torch::jit::Stack&) override {}
  bool Answers(const c10::OperatorHandle& op, torch::jit::Stack& stack) override;

 private:
  bool IsPending(const at::Tensor& tensor) const;

  std::unordered_set<const c10::StorageImpl*> pending_;
};

}  // namespace raceway::engine::load
