#include "engine/load/streamed_module.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/first_line.h"
#include "engine/load/opened_model.h"
#include "engine/load/placeholders.h"
#include "engine/load/process_scheduler.h"
#include "engine/load/structure_cache.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/use_order.h"
#include "engine/load/weight_cast.h"
#include "engine/load/weights_file.h"

namespace raceway::engine::load {
namespace {

/// What the weights take at most; of those that are streamed only a window's worth.
uint64_t NumBytes(const WeightMap& weights, const StreamedOptions& options) {
  const uint64_t all = std::accumulate(
      weights.storages.begin(), weights.storages.end(), uint64_t{0},
      [](uint64_t sum, const Storage& storage) { return sum + storage.extent.size; });
  return options.memory == MemoryMode::kStream ? std::min(all, options.window_bytes) : all;
}

bool MayBorrow(const StreamedOptions& options) {
  return options.borrows_pages && options.device.is_cpu() && options.memory == MemoryMode::kKeep &&
         options.load.use_page_cache && !options.load.guarded;
}

/// Of weights in which damage would not be found.
void NoteThoseWithoutChecksum(const Archive& archive, const WeightMap& weights) {
  const auto count = std::count_if(
      weights.storages.begin(), weights.storages.end(),
      [](const Storage& storage) { return storage.extent.size > 0 && !storage.extent.crc32; });
  if (count == 0) return;
  NoteOnce(archive.file().name() + ": " + std::to_string(count) + " of " +
           std::to_string(weights.storages.size()) +
           " weights are without checksum; `raceway repack` fills it in");
}

/// What the structure needs comes first, and small weights with it. On a device only that: a copy
/// for each of the others would take longer than they take with their neighbours.
bool ComesFirst(const Storage& storage, c10::Device device) {
  if (device.is_cpu()) return IsEarly(storage);
  return storage.is_read_early || (storage.is_constant() && storage.is_small());
}

/// What a device can do with weights as they lie in the file.
Status CheckForDevice(const Archive& archive, const WeightMap& weights) {
  // As PyTorch writes records; kernels of GPUs read numbers only where their size says.
  constexpr uint64_t kAlignment = 64;
  const auto unsupported = [&](const std::string& what, const std::string& record) {
    return archive.file().Wrong(ErrorCode::kUnsupported, what, record);
  };
  for (const Storage& storage : weights.storages) {
    if (storage.extent.offset % kAlignment == 0 || storage.extent.size == 0) continue;
    return unsupported("does not begin at a multiple of 64 bytes", storage.name);
  }
  for (const Tensor& tensor : weights.tensors) {
    if (!tensor.is_quantized) continue;
    return unsupported("is quantised", weights.storages[tensor.storage].name);
  }
  return Done{};
}

/// The structure of all archives with the same code, on one device, where its small constants are;
/// one of its own where weights are in its code.
class SharedStructure {
 public:
  static Result<SharedStructure> Of(const Archive& archive, const WeightMap& weights,
                                    c10::Device device) {
    Result<std::optional<std::string>> key = StructureKey(archive, weights);
    if (!key) return std::move(key).error();
    if (!*key) return SharedStructure(std::nullopt, std::make_shared<Structure>());
    **key += device.str();
    std::shared_ptr<Structure> structure = ProcessStructures().Get(**key);
    return SharedStructure(*std::move(key), std::move(structure));
  }

  Structure& operator*() const { return *structure_; }

  /// It could not be made, or not of the bytes that its key was made of: for nobody else.
  void Forget() const {
    if (key_) ProcessStructures().Drop(*key_, structure_);
  }

 private:
  SharedStructure(std::optional<std::string> key, std::shared_ptr<Structure> structure)
      : key_(std::move(key)), structure_(std::move(structure)) {}

  std::optional<std::string> key_;
  std::shared_ptr<Structure> structure_;
};

/// A weight is wanted in two types at once.
struct CastRefused {};

}  // namespace

/// Makes a streamed module of an open file.
class StreamedModule::Loader {
 public:
  static Result<Loader> Open(ReadScheduler& scheduler, const std::filesystem::path& path,
                             const StreamedOptions& options) {
    const LoadSpan scan(options.load.on_event, scheduler.clock(),
                        {.lane = Lane::kScan, .name = "archive"});
    OpenFiles files;
    Result<OpenedModel> model = OpenModel(path, files);
    if (!model) return std::move(model).error();
    Loader loader(scheduler, std::move(files), *std::move(model));
    if (options.weights.empty()) return loader;
    if (Status taken = loader.TakeOthers(options); !taken) return std::move(taken).error();
    return loader;
  }

  /// Errors   Unsupported, InvalidArgument
  Status Check(const StreamedOptions& options) const {
    if (options.device.is_cpu()) return Done{};
    if (!options.weights.empty()) {
      return Error{ErrorCode::kUnsupported, "`weights` of a file of their own are for the CPU"};
    }
    if (options.memory != MemoryMode::kKeep) {
      return Error{ErrorCode::kInvalidArgument,
                   "weights on " + options.device.str() + " can neither be streamed nor shared"};
    }
    return CheckForDevice(archive_, weights_);
  }

  /// Throws `CastRefused` if some weight cannot be cast on the way.
  Result<std::shared_ptr<StreamedModule>> Load(const StreamedOptions& options) {
    placeholders_ = {};
    early_.clear();
    awaited_.clear();
    if (options.load.verify != Verify::kNever) NoteThoseWithoutChecksum(archive_, weights_);
    if (options.load.claim != nullptr) {
      Status admitted = options.load.claim->Take(NumBytes(weights_, options));
      if (!admitted) return std::move(admitted).error();
    }
    std::vector<const Storage*> awaited;  // by their numbers
    const LoadEventSink& on_event = options.load.on_event;
    LoadSpan early(on_event, scheduler_.clock(), {.lane = Lane::kScan, .name = "small weights"});
    for (const size_t i : OrderOf(weights_.storages, RecordedOrder(archive_))) {
      const Storage& storage = weights_.storages[i];
      if (!ComesFirst(storage, options.device)) {
        awaited.push_back(&storage);
      } else if (Status read = ReadEarly(storage, options); !read) {
        return std::move(read).error();
      } else {
        early.event().num_bytes += storage.extent.size;
      }
    }
    early.End();
    std::shared_ptr<StreamedModule> streamed(new StreamedModule());
    streamed->traces_next_ = on_event != nullptr;
    if (Status started = StartWeights(awaited, options, *streamed); !started) {
      return std::move(started).error();
    }
    if (Status made = MakeModule(*streamed, options); !made) return std::move(made).error();
    if (Status given = CheckGiven(streamed->module_, options); !given) {
      return std::move(given).error();
    }
    if (options.dtype) {
      MoveWeights(streamed->module_, early_, *options.dtype);
      const bool moved = MoveWeights(streamed->module_, awaited_, *options.dtype);
      if (!moved) throw CastRefused{};
    }
    streamed->NoteComplete();
    return streamed;
  }

  Status CheckUnchanged() const { return open_.CheckUnchanged(); }

  Result<std::shared_ptr<StreamedModule>> LoadThenCast(StreamedOptions options) {
    const c10::ScalarType dtype = *options.dtype;
    options.dtype.reset();
    options.memory = MemoryMode::kKeep;  // they end up in memory of their own
    Result<std::shared_ptr<StreamedModule>> streamed = Load(options);
    if (!streamed) return streamed;
    (*streamed)->job().Hurry();
    if (Status arrived = (*streamed)->WaitAll(); !arrived) return std::move(arrived).error();
    CastWeights((*streamed)->module_, dtype);
    return streamed;
  }

 private:
  Loader(ReadScheduler& scheduler, OpenFiles open, OpenedModel model)
      : scheduler_(scheduler),
        open_(std::move(open)),
        archive_(std::move(model.archive)),
        weights_(std::move(model.weights)),
        files_{std::move(model.file)} {}

  /// Weights from another file, where it has them.
  Status TakeOthers(const StreamedOptions& options) {
    const auto wrong = [&](ErrorCode code, const std::string& what) {
      return Error{code, options.weights.string() + ": " + what};
    };
    if (options.memory != MemoryMode::kKeep) {
      return wrong(ErrorCode::kUnsupported,
                   "weights that lie apart from their model are neither streamed nor shared");
    }
    const Result<WeightMap> others = ReadWeightsFile(
        options.weights, [this](const std::filesystem::path& path) { return open_.Look(path); });
    if (!others) return others.error();
    Result<OtherWeights> mixed = WithOtherWeights(std::move(weights_), *others);
    if (!mixed) return wrong(mixed.error().code, mixed.error().message);
    weights_ = std::move(mixed->map);
    for (const std::filesystem::path& path : others->files) {
      Result<std::shared_ptr<ModelFile>> file = open_.Find(path);
      if (!file) return std::move(file).error();
      files_.push_back(*std::move(file));
    }
    for (size_t i = 0; i < weights_.tensors.size(); ++i) {
      if (mixed->is_theirs[i]) given_.insert(weights_.tensors[i].name);
    }
    return Done{};
  }

  /// Whether the other file has all that is a weight to the module.
  Status CheckGiven(const torch::jit::Module& module, const StreamedOptions& options) const {
    if (options.weights.empty()) return Done{};
    std::vector<std::string> missing;
    const auto look = [&](const auto& named) {
      for (const auto& weight : named) {
        if (given_.count(weight.name) == 0) missing.push_back("`" + weight.name + "`");
      }
    };
    look(module.named_parameters());
    look(module.named_buffers());
    if (missing.empty()) return Done{};
    std::string text = missing.front();
    for (size_t i = 1; i < std::min<size_t>(missing.size(), 3); ++i) text += ", " + missing[i];
    if (missing.size() > 3) text += " and " + std::to_string(missing.size() - 3) + " more";
    return Error{ErrorCode::kInvalidArgument,
                 options.weights.string() + ": lacks " + text + " of the model"};
  }

  Status ReadEarly(const Storage& storage, const StreamedOptions& options) {
    const std::optional<c10::ScalarType> dtype = options.dtype;
    const auto file = static_cast<size_t>(storage.extent.file);
    Result<c10::Storage> read =
        file == 0 ? ReadNow(archive_, storage) : ReadNow(*files_[file], storage.extent);
    if (!read) return std::move(read).error();
    if (options.load.claim != nullptr) options.load.claim->Arrived(storage.extent.size);
    if (dtype && IsCast(storage, *dtype)) {
      early_.emplace(read->unsafeGetStorageImpl(), CastStorage(*read, storage.dtype, *dtype));
    }
    Add(placeholders_, storage.name, OnDevice(*std::move(read), options.device));
    return Done{};
  }

  Status StartWeights(std::span<const Storage* const> awaited, const StreamedOptions& options,
                      StreamedModule& streamed) {
    if (options.memory == MemoryMode::kStream && !awaited.empty()) {
      streamed.stream_ =
          std::make_unique<WeightStream>(scheduler_, files_.front(), awaited, options);
    }
    const std::span<const Storage* const> none;
    Result<std::shared_ptr<WeightLoad>> load =
        WeightLoad::Start(scheduler_, files_, streamed.stream_ ? none : awaited, options);
    if (!load) return std::move(load).error();
    streamed.load_ = *std::move(load);
    streamed.interest_.emplace(
        options.load.urgency, options.load.deadline,
        [&streamed](Urgency urgency, TimePoint deadline) { streamed.Reclass(urgency, deadline); });
    streamed.shares_pages_ = options.memory == MemoryMode::kShared;
    if (streamed.job().borrows_pages()) streamed.writers_ = options.load.writers;
    // What goes to a device is checked before.
    streamed.checks_last_ =
        options.load.verify == Verify::kBeforeAnswer && streamed.load_->landing() == nullptr;
    const LoadSpan bind(options.load.on_event, scheduler_.clock(),
                        {.lane = Lane::kApply, .name = "bind"});
    for (size_t i = 0; i < awaited.size(); ++i) {
      PlaceAwaited(*awaited[i], static_cast<int32_t>(i), streamed);
    }
    return Done{};
  }

  /// What is cast is named by a storage without memory until its tensors have been moved.
  void PlaceAwaited(const Storage& storage, int32_t number, StreamedModule& streamed) {
    streamed.names_.push_back(storage.name);
    const WeightLoad& load = *streamed.load_;
    const WeightStream* const stream = streamed.stream_.get();
    c10::Storage place = stream != nullptr
                             ? stream->storage(number)
                             : MakeStorage(load.num_bytes(number), load.Memory(number));
    if (!load.is_there()) streamed.numbers_.emplace(place.unsafeGetStorageImpl(), number);
    if (stream != nullptr ? stream->Casts(number) : load.Casts(number)) {
      c10::Storage named = MakeStorage(storage.extent.size);
      awaited_.emplace(named.unsafeGetStorageImpl(), std::move(place));
      place = std::move(named);
    }
    Add(placeholders_, storage.name, std::move(place));
  }

  Status MakeModule(StreamedModule& streamed, const StreamedOptions& options) {
    const LoadSpan span(options.load.on_event, scheduler_.clock(),
                        {.lane = Lane::kScan, .name = "structure"});
    const Result<SharedStructure> structure =
        SharedStructure::Of(archive_, weights_, options.device);
    if (!structure) return structure.error();
    const auto wait_for_state = [&](const c10::IValue& state) {
      if (HasTensorOn(state, awaited_)) throw CastRefused{};
      streamed.WaitForState(state);
    };
    Status made = Done{};
    try {
      streamed.module_ = (**structure).MakeModule(archive_, placeholders_, wait_for_state);
      streamed.reads_unseen_ = (**structure).ReadsUnseen(streamed.module_);
    } catch (const WeightMissing& missing) {
      made = missing.error;
    } catch (const std::exception& exception) {
      structure->Forget();
      made = archive_.file().Wrong(ErrorCode::kInvalidArgument, exception.what());
    }
    if (!CheckUnchanged()) structure->Forget();
    return made;
  }

  ReadScheduler& scheduler_;
  OpenFiles open_;
  const Archive archive_;
  WeightMap weights_;
  std::vector<std::shared_ptr<ModelFile>> files_;  // the archive's first
  std::unordered_set<std::string> given_;          // names of weights that are in other files
  Placeholders placeholders_;
  OtherStorages early_;    // cast ones, by those in `placeholders_`
  OtherStorages awaited_;  // likewise
};

Result<std::shared_ptr<StreamedModule>> StreamedModule::LoadOrCast(Loader& loader,
                                                                   StreamedOptions options) {
  if (Status checked = loader.Check(options); !checked) return std::move(checked).error();
  const c10::Device device = options.device;
  try {
    if (options.dtype && !device.is_cpu()) return loader.LoadThenCast(std::move(options));
    return loader.Load(options);
  } catch (const CastRefused&) {
    return loader.LoadThenCast(std::move(options));
  } catch (const c10::Error& error) {
    if (device.is_cpu()) throw;
    return Error{ErrorCode::kUnavailable,
                 device.str() + ": " + FirstLine(error.what_without_backtrace())};
  }
}

Result<std::shared_ptr<StreamedModule>> StreamedModule::Load(ReadScheduler& scheduler,
                                                             const std::filesystem::path& path,
                                                             StreamedOptions options) {
  if (Status gate = InstallOperatorGate(); !gate) return std::move(gate).error();
  if (options.memory == MemoryMode::kStream && options.load.verify == Verify::kBeforeAnswer) {
    options.load.verify = Verify::kBeforePublish;  // it may be gone before the answer
  }
  if (MayBorrow(options)) options.load.writers = std::make_shared<RunDoor>();
  const std::shared_ptr<RunDoor> writers = options.load.writers;
  const RunDoor::Inside inside(writers.get());  // `__setstate__` may write
  Result<Loader> loader = Loader::Open(scheduler, path, options);
  if (!loader) return std::move(loader).error();
  Result<std::shared_ptr<StreamedModule>> streamed = LoadOrCast(*loader, std::move(options));
  // Says more than what became of it, and whether it is of one file.
  if (Status unchanged = loader->CheckUnchanged(); !unchanged) return std::move(unchanged).error();
  return streamed;
}

void StreamedModule::Reclass(Urgency urgency, TimePoint deadline) {
  if (stream_ != nullptr) return stream_->Reclass(urgency, deadline);
  job().Reclass(urgency, deadline);
}

void StreamedModule::WaitForState(const c10::IValue& state) {
  const CancelToken never;
  if (stream_ != nullptr) {
    WeightStream::Request request(*stream_);
    ForEachWeight(state, numbers_,
                  [&](int32_t number) { ThrowIfMissing(request.Keep(number, &never), never); });
  } else {
    WeightGate gate(numbers_, job(), never, /*shares_pages=*/false, load_->landing());
    gate.WaitFor(state);
  }
}

void StreamedModule::WaitOrThrow(const CancelToken& cancel) {
  if (is_complete()) return;
  const LoadSpan span(job().on_event(), job().clock(),
                      {.lane = Lane::kWait, .name = "all weights"});
  ThrowIfMissing(WaitAll(&cancel), cancel);
}

Status StreamedModule::WaitAll(const CancelToken* cancel) {
  if (is_complete() || stream_ != nullptr) return Done{};
  Status arrived = job().WaitAll(cancel);
  if (!arrived) return arrived;
  if (load_->landing() != nullptr) load_->landing()->WaitUntilLanded();
  is_complete_.store(true, std::memory_order_release);
  return arrived;
}

bool StreamedModule::NoteComplete() {
  if (is_complete()) return true;
  if (stream_ != nullptr || checks_last_) return false;
  if (job().CountPending() > 0) return false;
  // Nobody waits: either all are there, or one of them has failed. Or they are on their way to a
  // device, for which streams wait.
  if (!job().WaitAll()) return false;
  if (load_->landing() != nullptr && !load_->landing()->HasLanded()) return false;
  is_complete_.store(true, std::memory_order_release);
  return true;
}

}  // namespace raceway::engine::load
