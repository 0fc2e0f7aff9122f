#include "engine/load/streamed_module.h"

#include <c10/core/Allocator.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/structure_cache.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/use_order.h"

namespace raceway::engine::load {
namespace {

/// What the weights take at most; of those that are streamed only a window's worth.
uint64_t NumBytes(const WeightMap& weights, const StreamedOptions& options) {
  const uint64_t all = std::accumulate(
      weights.storages.begin(), weights.storages.end(), uint64_t{0},
      [](uint64_t sum, const Storage& storage) { return sum + storage.extent.size; });
  return options.memory == MemoryMode::kStream ? std::min(all, options.window_bytes) : all;
}

/// Whether a storage is read at once: little ones, and those that the structure needs.
bool IsEarly(const Storage& storage) { return storage.is_small() || storage.is_read_early; }

Result<c10::Storage> ReadNow(const Archive& archive, const Storage& storage) {
  Result<std::string> bytes = archive.Read(storage.name, storage.extent.size);
  if (!bytes) return std::move(bytes).error();
  c10::DataPtr memory = c10::GetAllocator(c10::DeviceType::CPU)->allocate(bytes->size());
  if (!bytes->empty()) std::memcpy(memory.get(), bytes->data(), bytes->size());
  return c10::Storage(c10::Storage::use_byte_size_t(), bytes->size(), std::move(memory), nullptr,
                      /*resizable=*/false);
}

/// On the arena, which lives as long as the storage.
c10::Storage StorageOf(const LoadJob& job, int32_t number) {
  using Holder = std::shared_ptr<Arena>;
  auto* holder = new Holder(job.arena(number));
  c10::DataPtr memory(
      job.data(number), holder, [](void* held) { delete static_cast<Holder*>(held); },
      c10::Device(c10::DeviceType::CPU));
  return c10::Storage(c10::Storage::use_byte_size_t(), job.num_bytes(number), std::move(memory),
                      nullptr, /*resizable=*/false);
}

void Add(Placeholders& placeholders, const std::string& record, c10::Storage storage) {
  const size_t slash = record.find('/');
  auto& part = record.starts_with("constants/") ? placeholders.constants : placeholders.data;
  part.emplace(record.substr(slash + 1), std::move(storage));
}

/// The structure of all archives with the same code; one of its own where weights are in its code.
class SharedStructure {
 public:
  static Result<SharedStructure> Of(const Archive& archive, const WeightMap& weights) {
    Result<std::optional<std::string>> key = StructureKey(archive, weights);
    if (!key) return std::move(key).error();
    if (!*key) return SharedStructure(std::nullopt, std::make_shared<Structure>());
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

}  // namespace

Result<std::shared_ptr<StreamedModule>> StreamedModule::Load(ReadScheduler& scheduler,
                                                             const std::filesystem::path& path,
                                                             StreamedOptions options) {
  if (Status gate = InstallOperatorGate(); !gate) return std::move(gate).error();
  const Result<Archive> archive = Archive::Open(path);
  if (!archive) return archive.error();
  const Result<WeightMap> weights = ReadTorchScript(*archive);
  if (!weights) return weights.error();
  const std::shared_ptr<MemoryClaim> claim = options.load.claim;
  if (claim != nullptr) {
    Status admitted = claim->Take(NumBytes(*weights, options));
    if (!admitted) return std::move(admitted).error();
  }
  Result<std::shared_ptr<ModelFile>> file = ModelFile::Open(path.string());
  if (!file) return std::move(file).error();

  Placeholders placeholders;
  std::vector<Extent> extents;
  std::vector<const Storage*> awaited;  // by their numbers
  for (const size_t i : OrderOf(weights->storages, RecordedOrder(*archive))) {
    const Storage& storage = weights->storages[i];
    if (IsEarly(storage)) {
      Result<c10::Storage> read = ReadNow(*archive, storage);
      if (!read) return std::move(read).error();
      if (claim != nullptr) claim->Arrived(storage.extent.size);
      Add(placeholders, storage.name, *std::move(read));
      continue;
    }
    extents.push_back(storage.extent);
    extents.back().storage = static_cast<int32_t>(awaited.size());
    awaited.push_back(&storage);
  }
  const Urgency urgency = options.load.urgency;
  const TimePoint deadline = options.load.deadline;
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, {*file}, extents, std::move(options.load));
  if (!job) return std::move(job).error();

  std::shared_ptr<StreamedModule> streamed(new StreamedModule());
  streamed->job_ = *std::move(job);
  streamed->interest_.emplace(*streamed->job_, urgency, deadline);
  for (size_t i = 0; i < awaited.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    c10::Storage storage = StorageOf(*streamed->job_, number);
    streamed->numbers_.emplace(storage.unsafeGetStorageImpl(), number);
    Add(placeholders, awaited[i]->name, std::move(storage));
  }
  const Result<SharedStructure> structure = SharedStructure::Of(*archive, *weights);
  if (!structure) return structure.error();
  const auto wait_for_state = [&](const c10::IValue& state) {
    Status arrived =
        WaitForTensorsIn(state, streamed->numbers_, *streamed->job_, /*cancel=*/nullptr);
    if (!arrived) throw WeightMissing{std::move(arrived).error()};
  };
  try {
    streamed->module_ = (**structure).MakeModule(*archive, placeholders, wait_for_state);
    streamed->forks_ = (**structure).Forks(streamed->module_);
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const std::exception& exception) {
    structure->Forget();
    return Error{ErrorCode::kInvalidArgument, exception.what()};
  }
  if (!(*file)->CheckUnchanged()) structure->Forget();
  streamed->NoteComplete();
  return streamed;
}

Status StreamedModule::WaitAll(const CancelToken* cancel) {
  if (is_complete()) return Done{};
  Status arrived = job_->WaitAll(cancel);
  if (arrived) is_complete_.store(true, std::memory_order_release);
  return arrived;
}

void StreamedModule::WaitOrThrow(const CancelToken& cancel) {
  Status arrived = WaitAll(&cancel);
  if (arrived) return;
  if (const auto stop = cancel.Check()) throw Stopped{*stop};
  throw WeightMissing{std::move(arrived).error()};
}

void StreamedModule::NoteComplete() {
  if (job_->CountPending() > 0) return;
  // Nobody waits: either all are there, or one of them has failed.
  if (job_->WaitAll()) is_complete_.store(true, std::memory_order_release);
}

}  // namespace raceway::engine::load
