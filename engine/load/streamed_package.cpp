#include "engine/load/streamed_package.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/gate.h"
#include "engine/load/archive.h"
#include "engine/load/package_weights.h"
#include "engine/load/page_room.h"
#include "engine/load/torch_library.h"
#include "engine/load/use_order.h"
#include "engine/load/weight_gate.h"
#include "engine/load/weights_file.h"

namespace raceway::engine::load {
namespace {

/// What a file of weights has, which is not the package.
Result<WeightMap> ReadWeights(const std::filesystem::path& path, OpenFiles& files) {
  return ReadWeightsFile(path,
                         [&files](const std::filesystem::path& name) { return files.Look(name); });
}

/// The storages that constants look at, in the order to read them: as it is recorded, else as the
/// code has its constants, which is about that of their use.
std::vector<size_t> StoragesOf(const std::vector<size_t>& tensors, const WeightMap& map,
                               const std::vector<std::string>& recorded) {
  std::vector<std::string> names = recorded;
  std::vector<bool> is_used(map.storages.size());
  for (const size_t tensor : tensors) {
    if (tensor == map.tensors.size()) continue;
    is_used[map.tensors[tensor].storage] = true;
    names.push_back(map.storages[map.tensors[tensor].storage].name);
  }
  std::vector<size_t> storages = OrderOf(map.storages, names);
  std::erase_if(storages, [&](size_t storage) { return !is_used[storage]; });
  return storages;
}

/// An answer that outlives the weights: some code hands one through.
std::vector<at::Tensor> Owned(std::vector<at::Tensor> answer) {
  for (at::Tensor& tensor : answer) {
    if (IsWeight(tensor)) tensor = tensor.clone();
  }
  return answer;
}

}  // namespace

/// A call: while there is one weights are not exchanged, nor given back if they are streamed.
class StreamedPackage::Use {
 public:
  /// Throws `WeightMissing` if they cannot be read.
  explicit Use(StreamedPackage& package) : package_(package), lock_(package.Enter()) {
    if (!package_.options_.streams) return;
    const std::lock_guard lock(package_.users_);
    if (package_.num_users_ == 0) Start();
    ++package_.num_users_;
  }
  ~Use() {
    if (!package_.options_.streams) return;
    const std::lock_guard lock(package_.users_);
    if (--package_.num_users_ == 0) package_.weights_->Drop();
  }
  Use(const Use&) = delete;

 private:
  void Start() {
    Status started = package_.weights_->Start();
    if (started) return;
    package_.weights_->Drop();
    throw WeightMissing{std::move(started).error()};
  }

  StreamedPackage& package_;
  const std::shared_lock<std::shared_mutex> lock_;
};

Result<std::shared_ptr<StreamedPackage>> StreamedPackage::Load(ReadScheduler& scheduler,
                                                               const std::filesystem::path& path,
                                                               const std::filesystem::path& weights,
                                                               PackageOptions options) {
  OpenFiles files;
  return Load(scheduler, files, path, weights, std::move(options));
}

Result<std::shared_ptr<StreamedPackage>> StreamedPackage::Load(ReadScheduler& scheduler,
                                                               OpenFiles& files,
                                                               const std::filesystem::path& path,
                                                               const std::filesystem::path& weights,
                                                               PackageOptions options) {
  Result<std::shared_ptr<StreamedPackage>> streamed =
      LoadFrom(files, scheduler, path, weights, std::move(options));
  // Says more than what became of it, and whether it is of one file.
  if (Status unchanged = files.CheckUnchanged(); !unchanged) return std::move(unchanged).error();
  return streamed;
}

Result<std::shared_ptr<StreamedPackage>> StreamedPackage::LoadFrom(
    OpenFiles& files, ReadScheduler& scheduler, const std::filesystem::path& path,
    const std::filesystem::path& weights, PackageOptions options) {
  const LoadEventSink on_event = options.load.on_event;
  LoadSpan scan(on_event, scheduler.clock(), {.lane = Lane::kScan, .name = "archive"});
  const Result<RandomFile> file = files.Look(path);
  if (!file) return file.error();
  const Result<Archive> archive = Archive::Open(*file);
  if (!archive) return archive.error();
  Result<AotiPackage> package = ReadAotiPackage(*archive);
  if (!package) return std::move(package).error();
  if (package->place == AotiWeights::kInLibrary) {
    return archive->file().Wrong(ErrorCode::kUnsupported, "has its weights in its library");
  }
  if (package->place == AotiWeights::kElsewhere && weights.empty()) {
    return archive->file().Wrong(ErrorCode::kInvalidArgument, "has no weights with it");
  }
  const Result<WeightMap> map = weights.empty() ? Result<WeightMap>(std::move(package->weights))
                                                : ReadWeights(weights, files);
  if (!map) return map.error();
  scan.End();
  std::shared_ptr<StreamedPackage> streamed(
      new StreamedPackage(scheduler, std::move(package->constants), std::move(options)));
  const std::optional<Extent> blob = weights.empty() ? package->blob : std::nullopt;
  Result<std::shared_ptr<PackageWeights>> found =
      streamed->FindWeights(*map, files, RecordedOrder(*archive), blob, weights);
  if (!found) return std::move(found).error();
  streamed->weights_ = *std::move(found);
  PackageWeights& constants = *streamed->weights_;
  const bool streams = streamed->options_.streams;
  Status started = streams ? constants.Admit() : constants.Start();
  if (!started) return std::move(started).error();
  if (streams) constants.Drop();
  LoadSpan unpack(on_event, scheduler.clock(), {.lane = Lane::kScan, .name = "code"});
  Result<PackageCode> code =
      PackageCode::Unpack(*archive, package->folder, streamed->options_.code_cache);
  if (!code) return std::move(code).error();
  if (Status opened = OpenTorchLibrary("libtorch.so"); !opened) return std::move(opened).error();
  try {
    streamed->OpenCode(*code);
    unpack.End();
    const LoadSpan bind(on_event, scheduler.clock(), {.lane = Lane::kApply, .name = "bind"});
    streamed->Bind(*streamed->weights_, /*is_exchange=*/false);
  } catch (const std::exception& exception) {
    return archive->file().Wrong(ErrorCode::kInvalidArgument, exception.what());
  }
  return streamed;
}

StreamedPackage::StreamedPackage(ReadScheduler& scheduler, std::vector<AotiConstant> constants,
                                 PackageOptions options)
    : scheduler_(scheduler),
      constants_(std::move(constants)),
      options_(std::move(options)),
      folds_(std::any_of(constants_.begin(), constants_.end(),
                         [](const AotiConstant& constant) { return constant.is_folded; })),
      slots_(options_.num_calls) {}

StreamedPackage::~StreamedPackage() {
  runner_.reset();
  if (weights_ != nullptr) DropForgotten(weights_->tensors());
  DropForgotten(retired_);
}

std::shared_lock<std::shared_mutex> StreamedPackage::Enter() const {
  if (is_door_shut_.load(std::memory_order_acquire)) {
    const std::lock_guard door(door_);
  }
  return std::shared_lock(calls_);
}

Result<std::shared_ptr<PackageWeights>> StreamedPackage::FindWeights(
    const WeightMap& map, OpenFiles& files, const std::vector<std::string>& order,
    const std::optional<Extent>& blob, const std::filesystem::path& apart) {
  Result<std::vector<size_t>> tensors = MatchWeights(constants_, map);
  if (!tensors) {
    if (!apart.empty()) tensors.error().message.insert(0, apart.string() + ": ");
    return std::move(tensors).error();
  }
  const std::vector<size_t> storages = StoragesOf(*tensors, map, order);
  std::vector<Extent> extents;
  extents.reserve(storages.size());
  for (const size_t storage : storages) {
    extents.push_back(map.storages[storage].extent);
    extents.back().storage = static_cast<int32_t>(extents.size()) - 1;
  }
  std::vector<std::shared_ptr<ModelFile>> found;
  found.reserve(map.files.size());
  for (const std::filesystem::path& path : map.files) {
    Result<std::shared_ptr<ModelFile>> file = files.Find(path);
    if (!file) return std::move(file).error();
    found.push_back(*std::move(file));
  }
  Result<std::shared_ptr<PageRoom>> room = PageRoom::Reserve(extents);
  if (!room) return std::move(room).error();
  auto weights =
      std::make_shared<PackageWeights>(scheduler_, options_.load, options_.on_note,
                                       std::move(found), std::move(extents), *std::move(room));
  const c10::InferenceMode inference;
  weights->MakeTensors(map, *tensors, storages);
  if (blob) weights->Check(*blob);
  return weights;
}

void StreamedPackage::OpenCode(const PackageCode& code) {
  runner_ = torch::inductor::getAOTIModelRunnerRegistry().at("cpu")(
      code.library().string(), options_.num_calls, "cpu", code.library().parent_path().string(),
      /*run_single_threaded=*/false);
}

void StreamedPackage::Bind(const PackageWeights& weights, bool is_exchange) {
  std::unordered_map<std::string, std::string> names;  // in the code, by those in the program
  for (const auto& [name, original] : runner_->getConstantNamesToOriginalFQNs()) {
    names.emplace(original, name);
  }
  torch::inductor::TensorConstantMap constants;
  for (size_t i = 0; i < constants_.size(); ++i) {
    if (constants_[i].is_folded) continue;
    // It keeps the pointers, and writes through none of them.
    constants.emplace(names.at(constants_[i].name), const_cast<at::Tensor*>(&weights.tensors()[i]));
  }
  runner_->update_constant_buffer(constants, /*use_inactive=*/is_exchange,
                                  /*validate_full_updates=*/true, /*user_managed=*/true);
}

/// LibTorch would do it in the first call, where an error costs an instance.
void StreamedPackage::Fold() {
  const std::lock_guard lock(fold_);
  if (!is_folded_) runner_->run_const_fold(/*use_inactive=*/false);
  is_folded_ = true;
}

/// The right to call LibTorch, which would let nobody cancel a wait for one of its instances, nor
/// this one: in the first call it computes constants, even where there are none, under a lock that
/// keeps out whoever came a moment later until no call runs, be it held for its weights. So the
/// first call goes ahead, until it is held for a weight or has ended.
class StreamedPackage::Turn {
 public:
  /// Throws `Stopped`.
  Turn(StreamedPackage& package, const CancelToken& cancel)
      : package_(package), slot_(package.slots_, cancel) {
    while (package_.first_call_ != FirstCall::kOver) {
      FirstCall expected = FirstCall::kToCome;
      is_first_ = package_.first_call_.compare_exchange_strong(expected, FirstCall::kRuns);
      if (is_first_ || IsFirstHeld()) return;
      if (const auto stop = cancel.Check()) throw Stopped{*stop};
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  ~Turn() {
    if (is_first_) package_.first_call_ = has_run_ ? FirstCall::kOver : FirstCall::kToCome;
  }
  Turn(const Turn&) = delete;

  Tensors Call(const Tensors& inputs) {
    has_run_ = true;  // also if it throws: constants come first
    return package_.runner_->run(inputs);
  }

 private:
  bool IsFirstHeld() const {
    const PageGate* const gate = package_.weights_->gate();
    return gate != nullptr && gate->num_faults() > 0;
  }

  StreamedPackage& package_;
  const CallSlot slot_;
  bool is_first_ = false;
  bool has_run_ = false;
};

std::vector<at::Tensor> StreamedPackage::Run(const std::vector<at::Tensor>& inputs,
                                             const CancelToken& cancel) {
  const Use use(*this);
  Tensors answer = RunUnchecked(inputs, cancel);
  if (options_.load.verify == Verify::kBeforeAnswer && !weights_->are_right()) {
    weights_->WaitOrThrow(cancel);
  }
  return answer;
}

StreamedPackage::Tensors StreamedPackage::RunUnchecked(const Tensors& inputs,
                                                       const CancelToken& cancel) {
  if (!weights_->is_complete()) {
    const LoadInterest::Request request = weights_->interest().Enter(cancel);
    if (std::optional<Tensors> answer = RunEarly(inputs, cancel)) return *std::move(answer);
    weights_->WaitOrThrow(cancel);
  }
  if (folds_) Fold();
  return Owned(Turn(*this, cancel).Call(inputs));
}

/// Nothing where it has to be run when all weights are there: they cannot be waited for one by one,
/// or it was given zeros for some.
std::optional<StreamedPackage::Tensors> StreamedPackage::RunEarly(const Tensors& inputs,
                                                                  const CancelToken& cancel) {
  if (weights_->gate() == nullptr || folds_) return std::nullopt;
  std::optional<Turn> turn(std::in_place, *this, cancel);  // not a visitor as long as it waits
  const PageGate::Visit visit(*weights_->gate(), cancel);
  if (!visit.is_let_in()) return std::nullopt;
  try {
    Tensors given = inputs;
    if (options_.writes_inputs) {
      for (at::Tensor& tensor : given) tensor = tensor.clone();
    }
    Tensors answer = Owned(turn->Call(given));
    turn.reset();
    const LoadSpan span(options_.load.on_event, scheduler_.clock(),
                        {.lane = Lane::kWait, .name = "checksum"});
    if (visit.saw_weights_only() && weights_->WaitForCheck(&cancel)) return answer;
  } catch (const std::exception&) {
    if (visit.saw_weights_only()) throw;
  }
  return std::nullopt;
}

Status StreamedPackage::Exchange(const std::filesystem::path& path, const CancelToken* cancel) {
  const std::lock_guard lock(exchange_);
  OpenFiles files;
  const Result<WeightMap> map = ReadWeights(path, files);
  if (!map) return map.error();
  Result<std::shared_ptr<PackageWeights>> weights =
      FindWeights(*map, files, {}, std::nullopt, path);
  if (!weights) return std::move(weights).error();
  if (Status started = (*weights)->Start(); !started) return started;
  if (Status arrived = (*weights)->WaitAll(cancel); !arrived) return arrived;
  if (Status unchanged = files.CheckUnchanged(); !unchanged) return unchanged;
  // Calls that still wait for old ones would hold up those that come.
  if (Status arrived = WaitAll(cancel); !arrived && cancel != nullptr && cancel->Check()) {
    return arrived;
  }
  try {
    Bind(**weights, /*is_exchange=*/true);
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument, path.string() + ": " + exception.what()};
  }
  DropForgotten(retired_);  // the new ones have taken their place
  const std::lock_guard door(door_);
  is_door_shut_ = true;
  const std::unique_lock calls(calls_);
  is_door_shut_ = false;  // who comes now waits for `calls_`
  try {
    if (folds_) runner_->run_const_fold(/*use_inactive=*/true);
  } catch (const std::exception& exception) {
    runner_->swap_constant_buffer();  // an instance was left with the new ones
    runner_->swap_constant_buffer();
    retired_ = (*weights)->tensors();
    return Error{ErrorCode::kInvalidArgument, path.string() + ": " + exception.what()};
  }
  runner_->swap_constant_buffer();
  is_folded_ = true;
  first_call_ = FirstCall::kToCome;
  retired_ = weights_->tensors();
  weights_ = *std::move(weights);
  if (options_.streams) weights_->Drop();  // nobody runs
  return Done{};
}

bool StreamedPackage::is_complete() const {
  const auto lock = Enter();
  return !options_.streams && weights_->is_complete();
}

bool StreamedPackage::has_failed() const {
  const auto lock = Enter();
  return !options_.streams && weights_->has_failed();
}

void StreamedPackage::Raise(Urgency urgency, TimePoint deadline) {
  const auto lock = Enter();
  const std::lock_guard users(users_);
  if (weights_->job() == nullptr || weights_->is_complete()) return;
  weights_->interest().Raise(urgency, deadline);
}

Status StreamedPackage::WaitAll(const CancelToken* cancel) {
  const auto lock = Enter();
  return options_.streams ? Status(Done{}) : weights_->WaitAll(cancel);
}

int32_t StreamedPackage::CountPending() const {
  const auto lock = Enter();
  const std::lock_guard users(users_);
  return weights_->job() == nullptr ? 0 : weights_->job()->CountPending();
}

int64_t StreamedPackage::num_faults() const {
  const auto lock = Enter();
  const std::lock_guard users(users_);
  return weights_->gate() == nullptr ? 0 : weights_->gate()->num_faults();
}

}  // namespace raceway::engine::load
