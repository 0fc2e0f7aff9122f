#include "engine/load/streamed_module.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/placeholders.h"
#include "engine/load/structure_cache.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/use_order.h"
#include "engine/load/weight_cast.h"

namespace raceway::engine::load {
namespace {

/// What the weights take at most; of those that are streamed only a window's worth.
uint64_t NumBytes(const WeightMap& weights, const StreamedOptions& options) {
  const uint64_t all = std::accumulate(
      weights.storages.begin(), weights.storages.end(), uint64_t{0},
      [](uint64_t sum, const Storage& storage) { return sum + storage.extent.size; });
  return options.memory == MemoryMode::kStream ? std::min(all, options.window_bytes) : all;
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
                             const LoadEventSink& on_event) {
    const LoadSpan scan(on_event, scheduler.clock(), {.lane = Lane::kScan, .name = "archive"});
    Result<std::shared_ptr<ModelFile>> file = ModelFile::Open(path.string());
    if (!file) return std::move(file).error();
    // Not by its name, which may be another file's by now.
    Result<RandomFile> same = RandomFile::Of((*file)->cached_fd(), path);
    if (!same) return std::move(same).error();
    Result<Archive> archive = Archive::Open(*std::move(same));
    if (!archive) return std::move(archive).error();
    Result<WeightMap> weights = ReadTorchScript(*archive);
    if (!weights) return std::move(weights).error();
    return Loader(scheduler, *std::move(archive), *std::move(weights), *std::move(file));
  }

  /// Errors   Unsupported, InvalidArgument
  Status Check(const StreamedOptions& options) const {
    if (options.device.is_cpu()) return Done{};
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
    if (options.dtype) {
      MoveWeights(streamed->module_, early_, *options.dtype);
      const bool moved = MoveWeights(streamed->module_, awaited_, *options.dtype);
      if (!moved) throw CastRefused{};
    }
    streamed->NoteComplete();
    return streamed;
  }

  Status CheckUnchanged() const { return file_->CheckUnchanged(); }

  Result<std::shared_ptr<StreamedModule>> LoadThenCast(StreamedOptions options) {
    const c10::ScalarType dtype = *options.dtype;
    options.dtype.reset();
    options.memory = MemoryMode::kKeep;  // they end up in memory of their own
    Result<std::shared_ptr<StreamedModule>> streamed = Load(options);
    if (!streamed) return streamed;
    if (Status arrived = (*streamed)->WaitAll(); !arrived) return std::move(arrived).error();
    CastWeights((*streamed)->module_, dtype);
    return streamed;
  }

 private:
  Loader(ReadScheduler& scheduler, Archive archive, WeightMap weights,
         std::shared_ptr<ModelFile> file)
      : scheduler_(scheduler),
        archive_(std::move(archive)),
        weights_(std::move(weights)),
        file_(std::move(file)) {}

  Status ReadEarly(const Storage& storage, const StreamedOptions& options) {
    const std::optional<c10::ScalarType> dtype = options.dtype;
    Result<c10::Storage> read = ReadNow(archive_, storage);
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
      streamed.stream_ = std::make_unique<WeightStream>(scheduler_, file_, awaited, options);
    }
    const std::span<const Storage* const> none;
    Result<std::shared_ptr<WeightLoad>> load =
        WeightLoad::Start(scheduler_, file_, streamed.stream_ ? none : awaited, options);
    if (!load) return std::move(load).error();
    streamed.load_ = *std::move(load);
    streamed.interest_.emplace(streamed.job(), options.load.urgency, options.load.deadline);
    streamed.shares_pages_ = options.memory == MemoryMode::kShared;
    const LoadSpan bind(options.load.on_event, scheduler_.clock(),
                        {.lane = Lane::kApply, .name = "bind"});
    for (size_t i = 0; i < awaited.size(); ++i) {
      PlaceAwaited(*awaited[i], static_cast<int32_t>(i), streamed);
    }
    return Done{};
  }

  /// What is cast is named by a storage without memory until its tensors have been moved.
  void PlaceAwaited(const Storage& storage, int32_t number, StreamedModule& streamed) {
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
  const Archive archive_;
  const WeightMap weights_;
  const std::shared_ptr<ModelFile> file_;
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
    return Error{ErrorCode::kUnavailable, device.str() + ": " + error.what_without_backtrace()};
  }
}

Result<std::shared_ptr<StreamedModule>> StreamedModule::Load(ReadScheduler& scheduler,
                                                             const std::filesystem::path& path,
                                                             StreamedOptions options) {
  if (Status gate = InstallOperatorGate(); !gate) return std::move(gate).error();
  Result<Loader> loader = Loader::Open(scheduler, path, options.load.on_event);
  if (!loader) return std::move(loader).error();
  Result<std::shared_ptr<StreamedModule>> streamed = LoadOrCast(*loader, std::move(options));
  // Says more than what became of it, and whether it is of one file.
  if (Status unchanged = loader->CheckUnchanged(); !unchanged) return std::move(unchanged).error();
  return streamed;
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

void StreamedModule::NoteComplete() {
  if (stream_ != nullptr) return;
  if (job().CountPending() > 0) return;
  // Nobody waits: either all are there, or one of them has failed. Or they are on their way to a
  // device, for which streams wait.
  if (!job().WaitAll()) return;
  if (load_->landing() != nullptr && !load_->landing()->HasLanded()) return;
  is_complete_.store(true, std::memory_order_release);
}

}  // namespace raceway::engine::load
