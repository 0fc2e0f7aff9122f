// As the product loads.
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"
#include "engine/load/streamed_module.h"

namespace raceway::engine::load {

Result<ColdAnswer> AnswerRaceway(const ColdRequest& request) {
  // What stands for a disk hands bytes over: they are not there to be borrowed.
  const bool borrows_pages = !request.disk;
  const Result<std::shared_ptr<StreamedModule>> streamed =
      StreamedModule::Load(Disk::Of(request.disk).scheduler(), request.model,
                           {.load = OptionsOf(request), .borrows_pages = borrows_pages});
  if (!streamed) return streamed.error();
  torch::jit::Module module = (*streamed)->module();
  module.eval();
  const CancelToken never;
  Result<ColdAnswer> answer = Call([&] {
    return (*streamed)->Run(never,
                            [&] { return module.get_method(request.method)(request.inputs); });
  });
  if (!answer) return answer;
  answer->resident = *streamed;
  return answer;
}

}  // namespace raceway::engine::load
