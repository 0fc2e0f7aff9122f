#pragma once

#include <ATen/core/stack.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <memory>
#include <optional>

#include "engine/cancel.h"
#include "engine/result.h"

namespace c10 {
class OperatorHandle;
}

namespace raceway::engine {

/// Sees every LibTorch operator that a black-box model calls, before its kernel runs.
///
/// What a composite operator calls inside (`linear` → `addmm`) is not shown again, nor what the
/// gate itself calls.
///
/// Cost     nothing outside of a `GateScope`; inside one, a boxed call for each operator:
///          under 1 µs (`CostsLittle` in its test measures it), little beside a kernel
/// Source   a boxed fallback on a dispatch key that LibTorch leaves free, as used by torchdistx
class OperatorGate {
 public:
  virtual ~OperatorGate() = default;

  /// The arguments are the last values of `stack`, as many as the schema of `op` has. May wait. May
  /// throw: then the operator does not run, and the exception leaves through the model's
  /// `forward`. It leaves as it is only if it is not a `std::exception`: TorchScript's interpreter
  /// turns those into a `std::runtime_error` with a traceback.
  virtual void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) = 0;
  /// Whether it has answered instead of the kernel, whose arguments it has replaced by the results.
  virtual bool Answers(const c10::OperatorHandle& /*op*/, torch::jit::Stack& /*stack*/) {
    return false;
  }
  /// Its kernel has returned; not called if it threw.
  virtual void AfterOperator(const c10::OperatorHandle& /*op*/) {}
};

/// Makes gates work in this process. To be called before the first `GateScope`, e.g. by whoever
/// loads a model; calling it again costs nothing.
///
/// Errors   Unsupported if other code in the process has taken all keys that could be used
/// Threads  any; operators may be running
Status InstallOperatorGate();

/// While it lives, the operators called by this thread go through `gate`, which must outlive it.
/// Scopes nest: the gates of all of them see a call, the outermost first.
class GateScope {
 public:
  explicit GateScope(OperatorGate& gate);
  ~GateScope();
  GateScope(const GateScope&) = delete;

 private:
  friend void CallGates(const GateScope* scope, const c10::OperatorHandle& op,
                        const torch::jit::Stack& stack);
  friend bool AskGates(const GateScope* scope, const c10::OperatorHandle& op,
                       torch::jit::Stack& stack);
  friend void CallGatesAfter(const GateScope* scope, const c10::OperatorHandle& op);

  OperatorGate& gate_;
  const GateScope* const outer_;
  c10::impl::IncludeDispatchKeyGuard include_;
};

/// What `CancelGate` throws. Let it pass, whole: the graph turns it into the request's error. Not a
/// `std::exception`, see `OperatorGate`.
struct Stopped {
  ErrorCode code = ErrorCode::kCancelled;  // kCancelled or kDeadlineExceeded
};

/// Stops a running model within one operator once its request is cancelled or late:
///
///   CancelGate gate(context.cancel);
///   GateScope scope(gate);
///   module.forward(…);  // throws Stopped
class CancelGate final : public OperatorGate {
 public:
  /// `cancel` must outlive the gate.
  explicit CancelGate(const CancelToken& cancel) : cancel_(cancel) {}
  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override;

 private:
  const CancelToken& cancel_;
};

}  // namespace raceway::engine
