// Weights are the mapped file: nothing is copied, and what is not there is read when it is touched.
// As `torch.load(mmap=True)` and safetensors load. A file that is truncated meanwhile ends the
// process (SIGBUS), as there.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "engine/load/arena.h"
#include "engine/load/crc.h"
#include "engine/load/placeholders.h"
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"

namespace raceway::engine::load {
namespace {

/// A whole file; what is written into it stays in this process.
class FileMapping {
 public:
  static Result<std::shared_ptr<FileMapping>> Map(const ModelFile& file) {
    const uint64_t size = std::max(file.size(), uint64_t{1});
    void* data =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.cached_fd(), /*offset=*/0);
    if (data == MAP_FAILED) {
      return Error{ErrorCode::kUnavailable, file.path() + ": mmap: " + std::strerror(errno)};
    }
    return std::shared_ptr<FileMapping>(new FileMapping(static_cast<std::byte*>(data), size));
  }
  ~FileMapping() { munmap(data_, size_); }
  FileMapping(const FileMapping&) = delete;

  std::span<std::byte> bytes(const Extent& extent) const {
    return {data_ + extent.offset, extent.size};
  }
  /// `advice` for all pages with some of these bytes.
  void Advise(const Extent& extent, int advice) const {
    const uint64_t begin = RoundDown(extent.offset);
    madvise(data_ + begin, extent.offset + extent.size - begin, advice);
  }

 private:
  FileMapping(std::byte* data, uint64_t size) : data_(data), size_(size) {}

  std::byte* const data_;
  const uint64_t size_;
};

/// The bytes as a disk of that speed has them: the system reads ahead, so all are asked for at
/// once, and each is there when its turn has come.
void WaitForDisk(const ColdRequest& request, const ScannedModel& scanned,
                 const FileMapping& mapping, Throttle& throttle) {
  std::vector<std::pair<TimePoint, const Extent*>> due;
  for (const Extent& extent : scanned.extents)
    due.emplace_back(throttle.Reserve(extent.size), &extent);
  TimePoint begin = Now();
  for (const auto& [time, extent] : due) {
    mapping.Advise(*extent, MADV_POPULATE_READ);
    std::this_thread::sleep_until(time);
    Tell(request, {.lane = Lane::kRetrieve, .num_bytes = extent->size}, begin);
    begin = Now();
  }
}

Status CheckBytes(const ColdRequest& request, const ScannedModel& scanned,
                  const FileMapping& mapping) {
  for (const Extent& extent : scanned.extents) {
    if (!extent.crc32) continue;
    const TimePoint begin = Now();
    if (Crc32(mapping.bytes(extent)) != *extent.crc32) {
      return Error{ErrorCode::kFailed, scanned.file->path() + ": bytes " +
                                           std::to_string(extent.offset) + "+" +
                                           std::to_string(extent.size) + ": wrong checksum"};
    }
    Tell(request, {.lane = Lane::kVerify, .num_bytes = extent.size}, begin);
  }
  return Done{};
}

}  // namespace

Result<ColdAnswer> AnswerMmap(const ColdRequest& request) {
  const Result<ScannedModel> scanned = Scan(request);
  if (!scanned) return scanned.error();
  const Result<std::shared_ptr<FileMapping>> mapping = FileMapping::Map(*scanned->file);
  if (!mapping) return mapping.error();
  std::vector<c10::Storage> storages;
  for (const Extent& extent : scanned->extents) {
    (*mapping)->Advise(extent, MADV_WILLNEED);
    storages.push_back(StorageOn((*mapping)->bytes(extent).data(), extent.size, *mapping));
  }
  if (Throttle* const throttle = Disk::Of(request.disk).throttle(); throttle != nullptr) {
    WaitForDisk(request, *scanned, **mapping, *throttle);
  }
  const auto check = [&] { return CheckBytes(request, *scanned, **mapping); };
  if (request.verify == Verify::kBeforePublish) {
    if (Status checked = check(); !checked) return std::move(checked).error();
  }
  const Result<torch::jit::Module> module = MakeModule(request, *scanned, storages, &NeedNothing);
  if (!module) return module.error();
  Result<ColdAnswer> answer = CallWhole(request, *module);
  if (answer && request.verify == Verify::kBeforeAnswer) {
    if (Status checked = check(); !checked) return std::move(checked).error();
    answer->end = Now();
  }
  return answer;
}

}  // namespace raceway::engine::load
