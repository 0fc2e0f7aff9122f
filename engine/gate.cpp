#include "engine/gate.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <atomic>
#include <cassert>
#include <string>

namespace raceway::engine {
namespace {

using c10::DispatchKey;
using c10::DispatchKeySet;

// Keys that no backend of LibTorch uses and that come before autograd and autocast, so that a call
// is seen once, as the model made it.
constexpr DispatchKey kCandidates[] = {
    DispatchKey::DeferredInit,
    DispatchKey::TESTING_ONLY_GenericMode,
    DispatchKey::TESTING_ONLY_GenericWrapper,
};

std::atomic<DispatchKey> gate_key = DispatchKey::Undefined;
thread_local const GateScope* innermost = nullptr;

}  // namespace

void CallGates(const GateScope* scope, const c10::OperatorHandle& op,
               const torch::jit::Stack& stack) {
  if (scope == nullptr) return;
  CallGates(scope->outer_, op, stack);
  scope->gate_.BeforeOperator(op, stack);
}

bool AskGates(const GateScope* scope, const c10::OperatorHandle& op, torch::jit::Stack& stack) {
  if (scope == nullptr) return false;
  return AskGates(scope->outer_, op, stack) || scope->gate_.Answers(op, stack);
}

void CallGatesAfter(const GateScope* scope, const c10::OperatorHandle& op) {
  for (; scope != nullptr; scope = scope->outer_) scope->gate_.AfterOperator(op);
}

namespace {

// The key can be included without a scope: LibTorch takes a thread's keys along to threads that
// it starts (`torch.jit.fork`), but it does not know of our scopes.
void BeforeKernel(const c10::OperatorHandle& op, DispatchKeySet keys, torch::jit::Stack* stack) {
  const DispatchKey key = gate_key.load(std::memory_order_relaxed);
  const c10::impl::ExcludeDispatchKeyGuard exclude(key);
  CallGates(innermost, op, *stack);
  if (AskGates(innermost, op, *stack)) return;
  op.redispatchBoxed(keys & DispatchKeySet(DispatchKeySet::FULL_AFTER, key), stack);
  CallGatesAfter(innermost, op);
}

Status Install() {
  c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
  std::string taken;
  for (const DispatchKey key : kCandidates) {
    if (dispatcher.hasBackendFallbackForDispatchKey(key)) {
      taken += (taken.empty() ? "" : ", ") + std::string(c10::toString(key));
      continue;
    }
    gate_key = key;
    // Never taken back: a thread could be on its way through it.
    // Atomic so that the compiler keeps the pointer, and a leak checker finds it.
    static std::atomic<c10::RegistrationHandleRAII*> registration;
    registration = new c10::RegistrationHandleRAII(dispatcher.registerFallback(
        key, c10::KernelFunction::makeFromBoxedFunction<&BeforeKernel>(), "raceway operator gate"));
    return Done{};
  }
  return Error{.code = ErrorCode::kUnsupported,
               .message =
                   "no dispatch key is free for the operator gate: other code in this "
                   "process has taken " +
                   taken};
}

}  // namespace

Status InstallOperatorGate() {
  static const Status installed = Install();
  return installed;
}

GateScope::GateScope(OperatorGate& gate)
    : gate_(gate), outer_(innermost), include_(gate_key.load(std::memory_order_relaxed)) {
  assert(gate_key.load() != DispatchKey::Undefined && "InstallOperatorGate was not called");
  innermost = this;
}

GateScope::~GateScope() {
  assert(innermost == this);
  innermost = outer_;
}

void CancelGate::BeforeOperator(const c10::OperatorHandle& /*op*/,
                                const torch::jit::Stack& /*stack*/) {
  if (const std::optional<ErrorCode> stop = cancel_.Check()) throw Stopped{*stop};
}

}  // namespace raceway::engine
