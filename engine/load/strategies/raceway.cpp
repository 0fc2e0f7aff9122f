// As the product loads.
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"
#include "engine/load/streamed_module.h"

namespace raceway::engine::load {

Result<ColdAnswer> AnswerRaceway(const ColdRequest& request) {
  const Result<std::shared_ptr<StreamedModule>> streamed =
      StreamedModule::Load(Disk::Of(request.disk).scheduler(), request.model, {OptionsOf(request)});
  if (!streamed) return streamed.error();
  torch::jit::Module module = (*streamed)->module();
  module.eval();
  const CancelToken never;
  try {
    Result<ColdAnswer> answer =
        (*streamed)->Run(never, [&] { return Call(request, std::move(module)); });
    if (!answer) return answer;
    if (request.verify == Verify::kBeforeAnswer) {
      Status checked = (*streamed)->WaitAll();
      if (!checked) return std::move(checked).error();
      answer->end = Now();
    }
    answer->resident = *streamed;
    return answer;
  } catch (const WeightMissing& missing) {  // before it ran
    return missing.error;
  }
}

}  // namespace raceway::engine::load
