#include "engine/load/strategies/cold_model.h"

#include <utility>

#include "engine/load/opened_model.h"
#include "engine/load/placeholders.h"

namespace raceway::engine::load {

Result<ScannedModel> Scan(const ColdRequest& request) {
  const TimePoint begin = Now();
  OpenFiles files;
  Result<OpenedModel> model = OpenModel(request.model, files);
  if (!model) return std::move(model).error();
  ScannedModel scanned{*std::move(model), {}, {}, {}};
  for (size_t i = 0; i < scanned.weights.storages.size(); ++i) {
    const Storage& storage = scanned.weights.storages[i];
    if (IsEarly(storage)) {
      Result<c10::Storage> read = ReadNow(scanned.archive, storage);
      if (!read) return std::move(read).error();
      Add(scanned.early, storage.name, *std::move(read));
      continue;
    }
    scanned.extents.push_back(storage.extent);
    scanned.extents.back().storage = static_cast<int32_t>(scanned.awaited.size());
    scanned.awaited.push_back(i);
  }
  Tell(request, {.lane = Lane::kScan}, begin);
  return scanned;
}

LoadOptions OptionsOf(const ColdRequest& request) {
  LoadOptions options;
  options.verify = request.verify;
  options.use_page_cache = request.use_page_cache;
  options.on_event = request.on_event;
  return options;
}

Result<std::shared_ptr<LoadJob>> StartJob(ReadScheduler& scheduler, const ScannedModel& scanned,
                                          LoadOptions options) {
  return LoadJob::Start(scheduler, {scanned.file}, scanned.extents, std::move(options));
}

std::vector<c10::Storage> StoragesOf(const LoadJob& job, const ScannedModel& scanned) {
  std::vector<c10::Storage> storages;
  for (const Extent& extent : scanned.extents) storages.push_back(StorageOf(job, extent.storage));
  return storages;
}

StorageNumbers NumbersOf(const std::vector<c10::Storage>& storages) {
  StorageNumbers numbers;
  for (size_t i = 0; i < storages.size(); ++i) {
    numbers.emplace(storages[i].unsafeGetStorageImpl(), static_cast<int32_t>(i));
  }
  return numbers;
}

Result<torch::jit::Module> MakeModule(const ColdRequest& request, const ScannedModel& scanned,
                                      const std::vector<c10::Storage>& storages,
                                      const std::function<Status(int32_t storage)>& need) {
  const TimePoint begin = Now();
  Placeholders placeholders = scanned.early;
  for (const Extent& extent : scanned.extents) {
    Add(placeholders, scanned.storage(extent.storage).name,
        storages[static_cast<size_t>(extent.storage)]);
  }
  const StorageNumbers numbers = NumbersOf(storages);
  try {
    Structure structure;  // not a cached one: nobody else has that
    torch::jit::Module module =
        structure.MakeModule(scanned.archive, placeholders, [&](const c10::IValue& state) {
          ForEachWeight(state, numbers, [&](int32_t storage) {
            Status there = need(storage);
            if (!there) throw WeightMissing{std::move(there).error()};
          });
        });
    module.eval();
    Tell(request, {.lane = Lane::kScan}, begin);
    return module;
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument, exception.what()};
  }
}

Status NeedNothing(int32_t /*storage*/) { return Done{}; }

Result<ColdAnswer> Call(const ColdRequest& request, torch::jit::Module module) {
  Result<ColdAnswer> answer =
      Call([&] { return module.get_method(request.method)(request.inputs); });
  if (answer) answer->resident = std::make_shared<const torch::jit::Module>(std::move(module));
  return answer;
}

Result<ColdAnswer> Call(const std::function<c10::IValue()>& call) {
  try {
    ColdAnswer answer;
    answer.value = call();
    answer.end = Now();
    return answer;
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const Stopped& stopped) {
    return Error{stopped.code, "stopped while the model ran"};
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kFailed, exception.what()};
  }
}

Result<ColdAnswer> CallWhole(const ColdRequest& request, torch::jit::Module module) {
  const TimePoint begin = Now();
  Result<ColdAnswer> answer = Call(request, std::move(module));
  Tell(request, {.lane = Lane::kExecute}, begin);
  return answer;
}

void Tell(const ColdRequest& request, LoadEvent event, TimePoint begin) {
  if (!request.on_event) return;
  event.begin = begin;
  event.end = Now();
  request.on_event(event);
}

}  // namespace raceway::engine::load
