// PISeL, Cicada, and what Cicada's authors put between them: a pipeline of layers, and a model that
// runs as far as its layers have come.
#include <utility>

#include "engine/load/placeholders.h"
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/layer_pipeline.h"

namespace raceway::engine::load {
namespace {

Result<ColdAnswer> RunGated(const ColdRequest& request, const LayerPipeline& pipeline,
                            const torch::jit::Module& module) {
  if (Forks(module)) {
    if (Status there = pipeline.WaitAll(); !there) return std::move(there).error();
  }
  const StorageNumbers numbers = NumbersOf(pipeline.storages());
  LayerGate gate(numbers, pipeline, request);
  const GateScope scope(gate);
  return Call(request, module);
}

Result<ColdAnswer> AnswerByLayers(const ColdRequest& request, PipelineRules rules) {
  const Result<ScannedModel> scanned = Scan(request);
  if (!scanned) return scanned.error();
  Result<std::unique_ptr<LayerPipeline>> pipeline = LayerPipeline::Start(request, *scanned, rules);
  if (!pipeline) return std::move(pipeline).error();
  const Result<torch::jit::Module> module =
      MakeModule(request, *scanned, (*pipeline)->storages(),
                 [&](int32_t storage) { return (*pipeline)->Need(storage); });
  if (!module) {
    (*pipeline)->Cancel();
    return module.error();
  }
  return RunGated(request, **pipeline, *module);
}

}  // namespace

Result<ColdAnswer> AnswerPisel(const ColdRequest& request) {
  return AnswerByLayers(request, {.initializes = true, .reads_ahead = false});
}

Result<ColdAnswer> AnswerMini(const ColdRequest& request) {
  return AnswerByLayers(request, {.initializes = false, .reads_ahead = false});
}

Result<ColdAnswer> AnswerPreload(const ColdRequest& request) {
  return AnswerByLayers(request, {.initializes = true, .reads_ahead = true});
}

Result<ColdAnswer> AnswerCicada(const ColdRequest& request) {
  return AnswerByLayers(request, {.initializes = false, .reads_ahead = true});
}

}  // namespace raceway::engine::load
