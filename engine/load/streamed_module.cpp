#include "engine/load/streamed_module.h"

#include <caffe2/serialize/inline_container.h>

#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/placeholders.h"
#include "engine/load/torchscript_source.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/use_order.h"

namespace raceway::engine::load {

Result<std::shared_ptr<StreamedModule>> StreamedModule::Load(ReadScheduler& scheduler,
                                                             const std::filesystem::path& path,
                                                             LoadOptions options) {
  if (Status gate = InstallOperatorGate(); !gate) return std::move(gate).error();
  const LoadEventSink on_event = options.on_event;
  LoadSpan scan(on_event, scheduler.clock(), {.lane = Lane::kScan, .name = "archive"});
  const Result<Archive> archive = Archive::Open(path);
  if (!archive) return archive.error();
  const Result<WeightMap> weights = ReadTorchScript(*archive);
  if (!weights) return weights.error();
  Result<std::shared_ptr<ModelFile>> file = ModelFile::Open(path.string());
  if (!file) return std::move(file).error();
  scan.End();

  LoadSpan early(on_event, scheduler.clock(), {.lane = Lane::kScan, .name = "small weights"});
  Placeholders placeholders;
  std::vector<Extent> extents;
  std::vector<const Storage*> awaited;  // by their numbers
  for (const size_t i : OrderOf(weights->storages, RecordedOrder(*archive))) {
    const Storage& storage = weights->storages[i];
    if (IsEarly(storage)) {
      Result<c10::Storage> read = ReadNow(*archive, storage);
      if (!read) return std::move(read).error();
      early.event().num_bytes += storage.extent.size;
      Add(placeholders, storage.name, *std::move(read));
      continue;
    }
    extents.push_back(storage.extent);
    extents.back().storage = static_cast<int32_t>(awaited.size());
    awaited.push_back(&storage);
  }
  early.End();
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, {*file}, extents, std::move(options));
  if (!job) return std::move(job).error();

  std::shared_ptr<StreamedModule> streamed(new StreamedModule());
  streamed->job_ = *std::move(job);
  streamed->traces_next_ = on_event != nullptr;
  LoadSpan bind(on_event, scheduler.clock(), {.lane = Lane::kApply, .name = "bind"});
  for (size_t i = 0; i < awaited.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    c10::Storage storage = StorageOf(*streamed->job_, number);
    streamed->numbers_.emplace(storage.unsafeGetStorageImpl(), number);
    Add(placeholders, awaited[i]->name, std::move(storage));
  }
  bind.End();
  try {
    const LoadSpan structure(on_event, scheduler.clock(),
                             {.lane = Lane::kScan, .name = "structure"});
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
  if (is_complete()) return;
  const LoadSpan span(job_->on_event(), job_->clock(),
                      {.lane = Lane::kWait, .name = "all weights"});
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
