#include "engine/load/measure_limit.h"

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/load/aoti_source.h"
#include "engine/load/archive.h"
#include "engine/load/input_copies.h"
#include "engine/load/load_trace.h"
#include "engine/load/streamed_module.h"
#include "engine/load/streamed_package.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/use_order.h"

namespace raceway::engine::load {
namespace {

using std::chrono::nanoseconds;

constexpr int kCalls = 3;

nanoseconds ComputeOf(const std::vector<UseStep>& steps) {
  nanoseconds sum = {};
  for (const UseStep& step : steps) sum += step.compute;
  return sum;
}

void Call(StreamedModule& module, const std::string& method,
          const std::vector<c10::IValue>& inputs) {
  std::vector<c10::IValue> copies = CopyOf(inputs);
  module.RunGated(CancelToken(),
                  [&] { return module.module().get_method(method)(std::move(copies)); });
}

Result<WeightMap> WeightsOf(const Archive& archive) {
  if (!IsPackage(archive)) return ReadTorchScript(archive);
  Result<AotiPackage> package = ReadAotiPackage(archive);
  if (!package) return std::move(package).error();
  return std::move(package->weights);
}

uint64_t NumBytesOf(const WeightMap& weights) {
  uint64_t num_bytes = 0;
  for (const Storage& storage : weights.storages) num_bytes += storage.extent.size;
  return num_bytes;
}

Result<std::vector<UseStep>> MeasurePackage(ReadScheduler& scheduler, const Archive& archive,
                                            const std::vector<c10::IValue>& inputs) {
  const Result<WeightMap> weights = WeightsOf(archive);
  if (!weights) return weights.error();
  const Result<std::shared_ptr<StreamedPackage>> package =
      StreamedPackage::Load(scheduler, archive.file().name());
  if (!package) return package.error();
  if (Status arrived = (*package)->WaitAll(); !arrived) return std::move(arrived).error();
  UseStep computes = {.compute = nanoseconds::max()};
  try {
    for (int i = 0; i <= kCalls; ++i) {
      std::vector<at::Tensor> copies;
      copies.reserve(inputs.size());
      for (const c10::IValue& input : inputs) {
        copies.push_back(input.toTensor().clone(at::MemoryFormat::Contiguous));
      }
      const TimePoint begin = scheduler.clock().Now();
      (*package)->Run(copies, CancelToken());
      const nanoseconds time = scheduler.clock().Now() - begin;
      if (i > 0) computes.compute = std::min(computes.compute, time);
    }
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kFailed, exception.what()};
  }
  return std::vector<UseStep>{computes, {.num_bytes = NumBytesOf(*weights)}};
}

}  // namespace

Result<LoadRates> MeasureRates(ReadScheduler& scheduler, const std::filesystem::path& model,
                               LoadOptions options) {
  const Result<Archive> archive = Archive::Open(model);
  if (!archive) return archive.error();
  const Result<WeightMap> weights = WeightsOf(*archive);
  if (!weights) return weights.error();
  Result<std::shared_ptr<ModelFile>> file = ModelFile::Open(model.string());
  if (!file) return std::move(file).error();
  std::vector<Extent> extents;
  for (const size_t i : OrderOf(weights->storages, RecordedOrder(*archive))) {
    extents.push_back(weights->storages[i].extent);
    extents.back().storage = static_cast<int32_t>(extents.size() - 1);
  }
  LoadRecorder recorder;
  options.on_event = recorder.Sink();
  LoadTrace trace = {.begin = scheduler.clock().Now()};
  const Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, {*file}, extents, std::move(options));
  if (!job) return job.error();
  if (Status arrived = (*job)->WaitAll(); !arrived) return std::move(arrived).error();
  trace.end = scheduler.clock().Now();
  trace.events = recorder.Take();
  return RatesOf(FiguresOf(trace));
}

Result<std::vector<UseStep>> MeasureUse(ReadScheduler& scheduler,
                                        const std::filesystem::path& model,
                                        const std::string& method,
                                        const std::vector<c10::IValue>& inputs) {
  const c10::InferenceMode inference;
  const Result<Archive> archive = Archive::Open(model);
  if (archive && IsPackage(*archive)) return MeasurePackage(scheduler, *archive, inputs);
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
  LoadRecorder recorder;
  LoadOptions options;
  options.on_event = recorder.Sink();
  const Result<std::shared_ptr<StreamedModule>> module =
      StreamedModule::Load(scheduler, model, {std::move(options)});
  if (!module) return module.error();
  if (Status arrived = (*module)->WaitAll(); !arrived) return std::move(arrived).error();
  torch::jit::Module((*module)->module()).eval();
  std::vector<UseStep> shortest;
  try {
    Call(**module, method, inputs);
    for (int i = 0; i < kCalls; ++i) {
      recorder.Take();
      Call(**module, method, inputs);
      std::vector<UseStep> steps = StepsOf(recorder.Take());
      if (i == 0 || ComputeOf(steps) < ComputeOf(shortest)) shortest = std::move(steps);
    }
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kFailed, exception.what()};
  }
  return shortest;
}

}  // namespace raceway::engine::load
