#pragma once

#include <c10/core/Storage.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "engine/load/arena.h"
#include "engine/load/ready_table.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"
#include "engine/load/strategies/layers.h"
#include "engine/load/weight_gate.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// In what PISeL and Cicada differ.
struct PipelineRules {
  bool
      initializes;  // L_i: memory of a layer is written with random numbers before its weights come
  bool reads_ahead;  // R_i apart from A_i: all are read in the background, by priority
};

/// A model's layers on their way from the disk into its memory, one after the other.
///
/// For layer i: L_i makes it, R_i reads its weights, A_i copies them to where the model has them.
/// A_i begins when R_i, L_i and A_{i-1} are done, as (i) to (iii) of Cicada say; so layers arrive
/// in their order. Without `reads_ahead` R_i waits for L_i and A_{i-1}. Each of L and A has one
/// thread, and whoever runs the model is a third one: PISeL's pipeline.
///
/// L_i is memory and `normal_`, in one thread, as PyTorch modules are made; A_i writes each storage
/// once. What is read lies apart from the model and goes when it has been copied.
///
/// Source   PISeL (CIKM'24); Cicada (arXiv 2502.20959), Algorithm 1
class LayerPipeline {
 public:
  /// All outlive it.
  static Result<std::unique_ptr<LayerPipeline>> Start(const ColdRequest& request,
                                                      const ScannedModel& scanned,
                                                      PipelineRules rules);
  /// Waits until all that is under way has been applied.
  ~LayerPipeline();
  LayerPipeline(const LayerPipeline&) = delete;

  const std::vector<c10::Storage>& storages() const { return storages_; }

  bool IsReady(int32_t storage) const;
  /// Waits until the storage's layer is there.
  Status Need(int32_t storage) const;
  /// Waits for all layers.
  Status WaitAll() const;
  void Cancel() { is_cancelled_ = true; }

 private:
  LayerPipeline(const ColdRequest& request, const ScannedModel& scanned, PipelineRules rules,
                std::shared_ptr<Arena> memory);

  int32_t num_layers() const { return static_cast<int32_t>(layers_.size()); }
  void Build();
  void BuildLayer(const Layer& layer);
  void Apply();
  Status ApplyLayer(int32_t index);
  Status ReadThenCopy(const Layer& layer);
  Status CopyRead(const Layer& layer);
  void Copy(const LoadJob& job, int32_t from, int32_t storage);

  const ColdRequest& request_;
  const ScannedModel& scanned_;
  const PipelineRules rules_;
  Disk& disk_;
  const std::shared_ptr<Arena> memory_;  // of the model
  const std::vector<Layer> layers_;
  std::vector<int32_t> layer_of_;  // by storage
  std::vector<c10::Storage> storages_;
  ReadyTable built_;
  ReadyTable applied_;
  std::atomic<bool> is_cancelled_ = false;
  std::shared_ptr<LoadJob> ahead_;  // where all is read ahead
  std::jthread builder_;
  std::jthread applier_;
};

/// Runs an operator when the layers of its arguments are there, and tells when it waited and when
/// it did not.
class LayerGate final : public StorageGate {
 public:
  /// All outlive the gate.
  LayerGate(const StorageNumbers& numbers, const LayerPipeline& pipeline,
            const ColdRequest& request)
      : StorageGate(numbers), pipeline_(pipeline), request_(request), running_since_(Now()) {}
  ~LayerGate() override { Tell(request_, {.lane = Lane::kExecute}, running_since_); }

 private:
  void BeforeRead(int32_t storage) override;

  const LayerPipeline& pipeline_;
  const ColdRequest& request_;
  TimePoint running_since_;
};

}  // namespace raceway::engine::load
