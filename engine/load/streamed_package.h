#pragma once

#include <ATen/core/TensorBody.h>
#include <torch/csrc/inductor/aoti_runner/model_container_runner.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "engine/call_slots.h"
#include "engine/cancel.h"
#include "engine/load/aoti_source.h"
#include "engine/load/chunk_reader.h"
#include "engine/load/load_job.h"
#include "engine/load/open_files.h"
#include "engine/load/package_code.h"
#include "engine/load/process_scheduler.h"
#include "engine/result.h"

namespace raceway::engine::load {

class PackageWeights;

struct PackageOptions {
  LoadOptions load = {};
  size_t num_calls = 1;        // that may run at once
  bool writes_inputs = false;  // a call may write into what it is given
  /// Weights are in memory only while calls run: the first one has them read, the last one that
  /// ends gives them back. What is computed from them once, and the code, stays.
  bool streams = false;
  std::filesystem::path code_cache = PackageCode::DefaultCache();
  NoteSink on_note = &NoteOnce;
};

/// An AOTInductor package for the CPU whose weights may still be on their way: it can be called at
/// once, and compiled code waits for the pages it reads. Its answers are those of the stock loader.
///
/// Threads  calls may run in several at once, and while weights are exchanged
class StreamedPackage {
 public:
  /// Starts to read the weights, opens the code meanwhile, and returns with that; if they are
  /// streamed, nothing is read yet. They come from the package; from the file `weights` where that
  /// is not empty, by their names: an archive of `torch.export.save`, or safetensors. `scheduler`
  /// must outlive the package.
  ///
  /// Errors   Unsupported for weights in the library, which are left to the stock loader, and for
  ///          those in another form than we know; Unavailable for what cannot be read or opened;
  ///          InvalidArgument for files that are damaged, or weights of another model. Damage to a
  ///          weight is found when it arrives, by whoever waits for it; those of
  ///          `MemoryClaim::Take`
  static Result<std::shared_ptr<StreamedPackage>> Load(ReadScheduler& scheduler,
                                                       const std::filesystem::path& path,
                                                       const std::filesystem::path& weights = {},
                                                       PackageOptions options = {});
  /// The same of files that somebody has looked into already: of these, whatever has their names.
  ///
  /// Errors   Failed for those that were written into since
  static Result<std::shared_ptr<StreamedPackage>> Load(ReadScheduler& scheduler, OpenFiles& files,
                                                       const std::filesystem::path& path,
                                                       const std::filesystem::path& weights = {},
                                                       PackageOptions options = {});
  ~StreamedPackage();

  /// One call, which waits while `num_calls` others run; throws what compiled code throws, and
  /// `WeightMissing` or `Stopped`. If weights are streamed, also for what keeps them from being
  /// read again. Until it has ended the load goes by the deadline of `cancel`.
  std::vector<at::Tensor> Run(const std::vector<at::Tensor>& inputs, const CancelToken& cancel);

  /// Other weights for the calls that begin when this returns; those that run end with the old
  /// ones, which are gone when this returns. Waits until all of the new ones are there; calls that
  /// come wait for those that run, and while constants are computed of the new ones, no longer. One
  /// exchange after the other.
  ///
  /// Errors   as `Load`, and `LoadJob::WaitAll`; then the old ones stay
  Status Exchange(const std::filesystem::path& weights, const CancelToken* cancel = nullptr);

  /// What it says of its inputs and outputs.
  torch::inductor::AOTIModelContainerRunner& runner() { return *runner_; }

  /// Whether all weights are there, to stay.
  bool is_complete() const;
  /// Whether some weights never will be there, until they are exchanged. Never if they are
  /// streamed: they are read anew.
  bool has_failed() const;
  /// Another one wants the weights that are on their way, as `LoadInterest::Raise`.
  void Raise(Urgency urgency, TimePoint deadline);
  /// At once if they are streamed: each call waits for its own.
  ///
  /// Errors   as `LoadJob::WaitAll`
  Status WaitAll(const CancelToken* cancel = nullptr);
  /// How many times a thread was held because a weight was not there, since they are being read.
  int64_t num_faults() const;
  /// How many storages are on their way and have neither arrived nor failed.
  int32_t CountPending() const;

 private:
  class Use;
  using Tensors = std::vector<at::Tensor>;

  static Result<std::shared_ptr<StreamedPackage>> LoadFrom(OpenFiles& files,
                                                           ReadScheduler& scheduler,
                                                           const std::filesystem::path& path,
                                                           const std::filesystem::path& weights,
                                                           PackageOptions options);
  StreamedPackage(ReadScheduler& scheduler, std::vector<AotiConstant> constants,
                  PackageOptions options);
  /// `apart` is the file that they come from if that is not the package, else empty.
  Result<std::shared_ptr<PackageWeights>> FindWeights(const WeightMap& map, OpenFiles& files,
                                                      const std::vector<std::string>& order,
                                                      const std::optional<Extent>& blob,
                                                      const std::filesystem::path& apart);
  /// While it is held, weights are not exchanged. Waits while they are.
  std::shared_lock<std::shared_mutex> Enter() const;
  void OpenCode(const PackageCode& code);
  void Bind(const PackageWeights& weights, bool is_exchange);
  void Fold();
  class Turn;
  Tensors RunUnchecked(const Tensors& inputs, const CancelToken& cancel);
  std::optional<Tensors> RunEarly(const Tensors& inputs, const CancelToken& cancel);

  ReadScheduler& scheduler_;
  const std::vector<AotiConstant> constants_;
  const PackageOptions options_;
  const bool folds_;        // computes constants from others, once
  std::mutex fold_;         // of the first weights,
  bool is_folded_ = false;  // when they are there
  enum class FirstCall { kToCome, kRuns, kOver };
  std::atomic<FirstCall> first_call_ = FirstCall::kToCome;  // with these weights
  CallSlots slots_;                         // one for each instance that LibTorch has
  std::mutex exchange_;                     // one after the other
  mutable std::shared_mutex calls_;         // shared by calls
  mutable std::mutex door_;                 // of who needs `calls_` alone: where calls that come
  std::atomic<bool> is_door_shut_ = false;  // wait, or they would let him wait
  std::shared_ptr<PackageWeights> weights_;
  mutable std::mutex users_;  // who streams weights: these are read and given back under it
  int64_t num_users_ = 0;     // calls
  Tensors retired_;           // of the exchange before: the code still has them
  std::unique_ptr<torch::inductor::AOTIModelContainerRunner> runner_;  // goes before its weights
};

}  // namespace raceway::engine::load
