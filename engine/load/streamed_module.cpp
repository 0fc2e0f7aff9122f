#include "engine/load/streamed_module.h"

#include <c10/core/Allocator.h>
#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/use_order.h"

namespace raceway::engine::load {
namespace {

/// The file of an archive, for LibTorch's reader.
class ArchiveFile final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit ArchiveFile(RandomFile file) : file_(std::move(file)) {}

  size_t size() const override { return file_.size(); }
  size_t read(uint64_t offset, void* to, size_t num_bytes, const char* /*what*/) const override {
    const Status read = file_.Read(offset, static_cast<char*>(to), num_bytes);
    TORCH_CHECK(read.ok(), read.ok() ? "" : read.error().message);
    return num_bytes;
  }

 private:
  RandomFile file_;
};

uint64_t NumBytes(const WeightMap& weights) {
  return std::accumulate(
      weights.storages.begin(), weights.storages.end(), uint64_t{0},
      [](uint64_t sum, const Storage& storage) { return sum + storage.extent.size; });
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

bool Forks(const torch::jit::Block& block) {
  return std::any_of(block.nodes().begin(), block.nodes().end(), [](const torch::jit::Node* node) {
    return node->kind() == c10::prim::fork || node->kind() == c10::prim::awaitable ||
           std::any_of(node->blocks().begin(), node->blocks().end(),
                       [](const torch::jit::Block* inner) { return Forks(*inner); });
  });
}

bool Forks(const torch::jit::Module& module) {
  const auto methods = module.get_methods();
  return std::any_of(methods.begin(), methods.end(), [](const torch::jit::Method& method) {
    const std::shared_ptr<torch::jit::Graph> graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    return Forks(*graph->block());
  });
}

}  // namespace

Result<std::shared_ptr<StreamedModule>> StreamedModule::Load(ReadScheduler& scheduler,
                                                             const std::filesystem::path& path,
                                                             LoadOptions options) {
  if (Status gate = InstallOperatorGate(); !gate) return std::move(gate).error();
  const Result<Archive> archive = Archive::Open(path);
  if (!archive) return archive.error();
  const Result<WeightMap> weights = ReadTorchScript(*archive);
  if (!weights) return weights.error();
  if (options.memory) {
    if (Status admitted = options.memory->Take(NumBytes(*weights)); !admitted) {
      return std::move(admitted).error();
    }
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
      if (options.memory) options.memory->Arrived(storage.extent.size);
      Add(placeholders, storage.name, *std::move(read));
      continue;
    }
    extents.push_back(storage.extent);
    extents.back().storage = static_cast<int32_t>(awaited.size());
    awaited.push_back(&storage);
  }
  const Urgency urgency = options.urgency;
  const TimePoint deadline = options.deadline;
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, {*file}, extents, std::move(options));
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
  try {
    caffe2::serialize::PyTorchStreamReader reader(std::make_shared<ArchiveFile>(archive->file()));
    streamed->module_ = ImportStructure(reader, placeholders, [&](const c10::IValue& state) {
      Status arrived =
          WaitForTensorsIn(state, streamed->numbers_, *streamed->job_, /*cancel=*/nullptr);
      if (!arrived) throw WeightMissing{std::move(arrived).error()};
    });
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument, exception.what()};
  }
  streamed->forks_ = Forks(streamed->module_);
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
