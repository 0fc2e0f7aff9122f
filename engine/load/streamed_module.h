#pragma once

#include <torch/csrc/jit/api/module.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/load/load_interest.h"
#include "engine/load/load_job.h"
#include "engine/load/streamed_options.h"
#include "engine/load/weight_gate.h"
#include "engine/load/weight_load.h"
#include "engine/load/weight_stream.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// A TorchScript module whose weights may still be on their way: it can be called at once, and each
/// operator waits for the weights it reads. Its answers are those of `torch::jit::load`. On a
/// device it is the device that waits: the host goes on when their copies have been given to it.
///
/// Threads  calls may run in several at once
class StreamedModule {
 public:
  /// Starts to read the weights, builds the structure meanwhile, and returns with that.
  /// `scheduler` must outlive the module. Where another file has the weights, all parameters and
  /// buffers of the module must be in there.
  ///
  /// Errors   Unsupported for what is left to LibTorch's own loader; Unavailable for a file that
  ///          cannot be read, and a device that is not there or has no room; InvalidArgument for a
  ///          file that is no TorchScript, or damaged, and for options that exclude one another.
  ///          Damage to a weight is found when it arrives, by whoever waits for it; those of
  ///          `MemoryClaim::Take`
  static Result<std::shared_ptr<StreamedModule>> Load(ReadScheduler& scheduler,
                                                      const std::filesystem::path& path,
                                                      StreamedOptions options = {});

  const torch::jit::Module& module() const { return module_; }

  /// Whether all weights are there, to stay: then nothing needs to wait any more.
  bool is_complete() const { return is_complete_.load(std::memory_order_acquire); }
  /// Whether some never will be. Never of those that are streamed: each request reads them anew.
  bool has_failed() const { return load_->job().has_failed(); }
  /// Waits for the copies to a device, too. At once if they are streamed: each request waits for
  /// its own.
  ///
  /// Errors   as `LoadJob::WaitAll`
  Status WaitAll(const CancelToken* cancel = nullptr);
  /// Of all weights that are read early on; of none that are streamed, or that another process had.
  LoadJob& job() { return load_->job(); }
  /// In those that are streamed as well.
  LoadInterest& interest() { return *interest_; }
  /// Of the weights' records, by the numbers that events tell of them.
  const std::vector<std::string>& names() const { return names_; }

  /// `call()`, whose operators wait for their weights; throws what it throws, and `WeightMissing`
  /// or `Stopped`. Until it has ended the load goes by the deadline of `cancel`. With
  /// `Verify::kBeforeAnswer` it returns when all weights are there and right; what is streamed is
  /// then checked before it is used. Where somebody listens to the load, the first call is told of
  /// to its end, be the weights there or not.
  template <typename Function>
  auto Run(const CancelToken& cancel, Function&& call) {
    if (!TracesThisCall() && NoteComplete()) {
      const RunDoor::Inside inside(writers_.get());
      return call();
    }
    return RunGated(cancel, std::forward<Function>(call));
  }
  /// The same, through the gate whether anything is missing or not: for traces of later calls.
  template <typename Function>
  auto RunGated(const CancelToken& cancel, Function&& call) {
    const RunDoor::Inside inside(writers_.get());
    const LoadInterest::Request request = interest_->Enter(cancel);
    if (stream_ != nullptr) return RunStreamed(cancel, call);
    if (reads_unseen_) WaitOrThrow(cancel);
    WeightGate gate(numbers_, job(), cancel, shares_pages_, load_->landing());
    const GateScope scope(gate);
    auto answer = call();
    gate.WaitFor(c10::IValue(answer));  // a weight, or a view of one
    if (checks_last_) WaitOrThrow(cancel);
    NoteComplete();
    return answer;
  }

 private:
  class Loader;

  StreamedModule() = default;
  static Result<std::shared_ptr<StreamedModule>> LoadOrCast(Loader& loader,
                                                            StreamedOptions options);
  template <typename Function>
  auto RunStreamed(const CancelToken& cancel, Function& call) {
    StreamGate gate(numbers_, *stream_, cancel);
    if (reads_unseen_) gate.HaveAll();
    const GateScope scope(gate);
    auto answer = call();
    gate.End(c10::IValue(answer));
    return answer;
  }

  void Reclass(Urgency urgency, TimePoint deadline);
  void WaitForState(const c10::IValue& state);
  void WaitOrThrow(const CancelToken& cancel);
  /// Whether all are there, which somebody may find out only now.
  bool NoteComplete();
  bool TracesThisCall() {
    return traces_next_.load(std::memory_order_relaxed) && traces_next_.exchange(false);
  }

  std::shared_ptr<WeightLoad> load_;      // of no weight where they are streamed
  std::unique_ptr<WeightStream> stream_;  // null: they stay in memory
  std::optional<LoadInterest> interest_;  // in `load_` and `stream_`
  StorageNumbers numbers_;
  std::vector<std::string> names_;  // by these numbers
  torch::jit::Module module_;
  std::shared_ptr<RunDoor> writers_;  // of borrowed pages; null: the memory is the module's
  bool shares_pages_ = false;         // with other processes
  bool reads_unseen_ = false;         // no gate sees some of what it reads
  bool checks_last_ = false;          // checksums come after the weights: no answer before them
  std::atomic<bool> is_complete_ = false;
  std::atomic<bool> traces_next_ = false;  // call
};

}  // namespace raceway::engine::load
