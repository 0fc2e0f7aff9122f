// All weights as fast as the disk gives them, many reads at once and past the page cache, while the
// structure is made; then it runs. As ServerlessLLM's store loads.
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"

namespace raceway::engine::load {

Result<ColdAnswer> AnswerSequentialFast(const ColdRequest& request) {
  const Result<ScannedModel> scanned = Scan(request);
  if (!scanned) return scanned.error();
  const Result<std::shared_ptr<LoadJob>> job =
      StartJob(Disk::Of(request.disk).scheduler(), *scanned, OptionsOf(request));
  if (!job) return job.error();
  const Result<torch::jit::Module> module =
      MakeModule(request, *scanned, StoragesOf(**job, *scanned),
                 [&](int32_t storage) { return (*job)->Need(storage); });
  if (!module) return module.error();
  Status arrived = (*job)->WaitAll();
  if (!arrived) return std::move(arrived).error();
  return CallWhole(request, *module);
}

}  // namespace raceway::engine::load
