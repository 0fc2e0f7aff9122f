// Packages of AOTInductor. Compiled code shows neither layers nor a module, so few strategies are
// any for it: LibTorch's own loader, all weights first, and ours.
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/load/aoti_source.h"
#include "engine/load/load_trace.h"
#include "engine/load/placeholders.h"
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"
#include "engine/load/streamed_package.h"
#include "engine/load/torch_library.h"
#include "engine/load/weight_load.h"

namespace raceway::engine::load {
namespace {

using Tensors = std::vector<at::Tensor>;
using torch::inductor::AOTIModelPackageLoader;

/// Why there is no such strategy for packages; null where there is one.
const char* RefusalOf(Strategy strategy) {
  switch (strategy) {
    case Strategy::kSequential:
    case Strategy::kSequentialFast:
    case Strategy::kRaceway: return nullptr;
    case Strategy::kPisel:
    case Strategy::kMini:
    case Strategy::kPreload:
    case Strategy::kCicada: return "goes layer by layer, and compiled code shows no layers";
    case Strategy::kMmap:
    case Strategy::kTetris:
    case Strategy::kOptimus:
      return "puts storages into a TorchScript module, and compiled code has none";
  }
  return "is not made for compiled code";
}

Result<Tensors> TensorsOf(const ColdRequest& request) {
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorCode::kInvalidArgument, request.model.string() + ": " + what};
  };
  if (request.method != "forward") {
    return wrong("compiled code is one function, it has no `" + request.method + "`");
  }
  Tensors tensors;
  for (const c10::IValue& input : request.inputs) {
    if (!input.isTensor()) return wrong("compiled code takes tensors and nothing else");
    tensors.push_back(input.toTensor().contiguous());
  }
  return tensors;
}

/// The weights in files of their own, which LibTorch's loader in C++ leaves to its caller: as its
/// `load_pt2` in Python has them, read one after the other.
Result<std::unordered_map<std::string, at::Tensor>> WeightsInFiles(const Archive& archive,
                                                                   const WeightMap& map) {
  std::vector<c10::Storage> storages;
  for (const Storage& storage : map.storages) {
    const Extent& extent = storage.extent;
    c10::DataPtr memory = c10::GetAllocator(c10::DeviceType::CPU)->allocate(extent.size);
    Status read = archive.file().Read(extent.offset, static_cast<char*>(memory.get()), extent.size);
    if (!read) return std::move(read).error();
    storages.push_back(MakeStorage(extent.size, std::move(memory)));
  }
  std::unordered_map<std::string, at::Tensor> weights;
  for (const Tensor& tensor : map.tensors) {
    at::Tensor weight = TensorOn(storages[tensor.storage], tensor);
    // LibTorch copies as many bytes as the storage has, from where the tensor begins.
    const bool is_part = weight.nbytes() != weight.storage().nbytes();
    weights.emplace(tensor.name, is_part ? weight.clone() : std::move(weight));
  }
  return weights;
}

/// Throws what LibTorch throws.
Result<std::shared_ptr<AOTIModelPackageLoader>> LoadPlainly(const std::filesystem::path& path) {
  const Result<Archive> archive = Archive::Open(path);
  if (!archive) return archive.error();
  const Result<AotiPackage> package = ReadAotiPackage(*archive);
  if (!package) return package.error();
  if (package->place == AotiWeights::kElsewhere) {
    return archive->file().Wrong(ErrorCode::kInvalidArgument, "has no weights with it");
  }
  if (Status opened = OpenTorchLibrary("libtorch.so"); !opened) return std::move(opened).error();
  const auto name = std::filesystem::path(package->folder).parent_path().filename();
  auto loader = std::make_shared<AOTIModelPackageLoader>(path.string(), name.string());
  if (package->place == AotiWeights::kInFiles) {
    Result<std::unordered_map<std::string, at::Tensor>> weights =
        WeightsInFiles(*archive, package->weights);
    if (!weights) return std::move(weights).error();
    loader->load_constants(*weights, /*use_inactive=*/false, /*check_full_update=*/true);
  }
  return loader;
}

/// LibTorch unpacks all of it into files and reads these: it is told as one span of reading. From a
/// slow disk it has all by the time that such a disk needs, since the kernel reads ahead.
Result<ColdAnswer> AnswerPlainly(const ColdRequest& request, const Tensors& inputs) {
  const TimePoint begin = Now();
  std::error_code ignored;
  const uint64_t num_bytes = std::filesystem::file_size(request.model, ignored);
  Throttle* const throttle = Disk::Of(request.disk).throttle();
  const TimePoint due = throttle == nullptr ? begin : throttle->Reserve(num_bytes);
  Result<std::shared_ptr<AOTIModelPackageLoader>> loader = LoadPlainly(request.model);
  if (!loader) return std::move(loader).error();
  std::this_thread::sleep_until(due);
  Tell(request, {.lane = Lane::kRetrieve, .num_bytes = num_bytes}, begin);
  const TimePoint running_since = Now();
  Result<ColdAnswer> answer = Call([&] { return c10::IValue((*loader)->run(inputs)); });
  Tell(request, {.lane = Lane::kExecute}, running_since);
  if (answer) answer->resident = *std::move(loader);
  return answer;
}

/// Tells `request` what happened since `begin` but for the waits: that was computing. While one of
/// several threads waits the others count as waiting, too.
void TellComputing(const ColdRequest& request, TimePoint begin,
                   const std::vector<LoadEvent>& waits) {
  const TimePoint end = Now();
  const auto tell = [&](TimePoint until) {
    if (until > begin) request.on_event({.lane = Lane::kExecute, .begin = begin, .end = until});
  };
  for (const LoadEvent& wait : waits) {  // in the order of their beginning
    tell(std::min(wait.begin, end));
    begin = std::max(begin, wait.end);
  }
  tell(end);
}

/// `LoadOptions::on_event` for the load of `request`, and `waits`.
LoadEventSink TellBoth(const ColdRequest& request, const LoadRecorder& waits) {
  if (!request.on_event) return {};
  return [theirs = request.on_event, ours = waits.Sink()](const LoadEvent& event) {
    if (event.lane == Lane::kWait) ours(event);
    theirs(event);
  };
}

Result<ColdAnswer> AnswerStreamed(Strategy strategy, const ColdRequest& request,
                                  const Tensors& inputs) {
  LoadRecorder waits;
  PackageOptions options;
  options.load = OptionsOf(request);
  options.load.on_event = TellBoth(request, waits);
  options.writes_inputs = true;  // nobody has looked
  const Result<std::shared_ptr<StreamedPackage>> package = StreamedPackage::Load(
      Disk::Of(request.disk).scheduler(), request.model, /*weights=*/{}, std::move(options));
  if (!package) return package.error();
  if (strategy == Strategy::kSequentialFast) {
    if (Status arrived = (*package)->WaitAll(); !arrived) return std::move(arrived).error();
  }
  const CancelToken never;
  const TimePoint running_since = Now();
  Result<ColdAnswer> answer = Call([&] { return c10::IValue((*package)->Run(inputs, never)); });
  if (!answer) return answer;
  if (request.on_event) TellComputing(request, running_since, waits.Take());
  answer->resident = *package;
  return answer;
}

}  // namespace

Result<ColdAnswer> AnswerPackage(Strategy strategy, const ColdRequest& request) {
  if (const char* const refusal = RefusalOf(strategy); refusal != nullptr) {
    const std::string name(Strategies()[static_cast<size_t>(strategy)].name);
    return Error{ErrorCode::kUnsupported,
                 request.model.string() + ": `" + name + "` " + refusal +
                     "; packages have `sequential`, `sequential-fast` and `raceway`"};
  }
  const Result<Tensors> inputs = TensorsOf(request);
  if (!inputs) return inputs.error();
  try {
    if (strategy == Strategy::kSequential) return AnswerPlainly(request, *inputs);
    Result<ColdAnswer> answer = AnswerStreamed(strategy, request, *inputs);
    const bool is_left = !answer && answer.error().code == ErrorCode::kUnsupported;
    return is_left ? AnswerPlainly(request, *inputs) : std::move(answer);
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument, request.model.string() + ": " + exception.what()};
  }
}

}  // namespace raceway::engine::load
