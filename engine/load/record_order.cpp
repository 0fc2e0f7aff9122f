#include "engine/load/record_order.h"

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <exception>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "engine/load/input_copies.h"
#include "engine/load/load_trace.h"
#include "engine/load/streamed_module.h"

namespace raceway::engine::load {
namespace {

std::vector<std::string> NamesInOrder(std::span<const LoadEvent> events,
                                      const std::vector<std::string>& names) {
  std::vector<std::string> order;
  std::set<int32_t> used;
  for (const LoadEvent& event : events) {
    for (const StorageUse& use : event.reads) {
      if (!used.insert(use.storage).second) continue;
      order.push_back(names[static_cast<size_t>(use.storage)]);
    }
  }
  return order;
}

}  // namespace

Result<std::vector<std::string>> RecordOrder(ReadScheduler& scheduler,
                                             const std::filesystem::path& model,
                                             const std::string& method,
                                             const std::vector<c10::IValue>& inputs) {
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  LoadRecorder recorder;
  StreamedOptions options;
  options.load.on_event = recorder.Sink();
  const Result<std::shared_ptr<StreamedModule>> streamed =
      StreamedModule::Load(scheduler, model, std::move(options));
  if (!streamed) return streamed.error();
  if (Status arrived = (*streamed)->WaitAll(); !arrived) return std::move(arrived).error();
  torch::jit::Module module = (*streamed)->module();  // a handle
  module.eval();
  std::vector<c10::IValue> copies = CopyOf(inputs);
  try {
    (*streamed)->Run(CancelToken(), [&] { return module.get_method(method)(std::move(copies)); });
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kFailed, exception.what()};
  }
  return NamesInOrder(recorder.Take(), (*streamed)->names());
}

}  // namespace raceway::engine::load
