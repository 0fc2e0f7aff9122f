// What a user of LibTorch does: `torch::jit::load`, then `forward`.
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>

#include <thread>
#include <utility>

#include "engine/load/placeholders.h"
#include "engine/load/random_file.h"
#include "engine/load/strategies/answers.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/disk.h"

namespace raceway::engine::load {
namespace {

/// As LibTorch's own adapter reads a file, through the page cache, on a disk of a given speed.
///
/// The kernel reads ahead, so what follows the last read costs bytes and no latency; and what finds
/// out what is in the file costs nothing, as everywhere.
class ThrottledFile final : public caffe2::serialize::ReadAdapterInterface {
 public:
  ThrottledFile(RandomFile file, Throttle& throttle, const ColdRequest& request)
      : file_(std::move(file)), throttle_(throttle), request_(request) {}

  size_t size() const override { return file_.size(); }
  size_t read(uint64_t offset, void* to, size_t num_bytes, const char* what) const override {
    if (num_bytes < kSmallBytes) return file_.read(offset, to, num_bytes, what);
    const TimePoint begin = Now();
    TimePoint due = throttle_.Reserve(num_bytes);
    if (offset >= end_ && offset - end_ <= kReadAhead) due -= throttle_.options().latency;
    const size_t read = file_.read(offset, to, num_bytes, what);
    std::this_thread::sleep_until(due);
    end_ = offset + num_bytes;
    Tell(request_, {.lane = Lane::kRetrieve, .num_bytes = num_bytes}, begin);
    return read;
  }

 private:
  static constexpr uint64_t kReadAhead = 128 << 10;  // Linux's default

  ArchiveFile file_;
  Throttle& throttle_;
  const ColdRequest& request_;
  mutable uint64_t end_ = 0;  // of the last read; LibTorch reads in one thread
};

torch::jit::Module LoadThrottled(const ColdRequest& request, Throttle& throttle) {
  Result<RandomFile> file = RandomFile::Open(request.model);
  TORCH_CHECK(file.ok(), file.ok() ? "" : file.error().message);
  return torch::jit::load(std::make_shared<ThrottledFile>(*std::move(file), throttle, request));
}

/// LibTorch says neither what it reads nor when: all of it is told as reading.
torch::jit::Module LoadPlainly(const ColdRequest& request) {
  const TimePoint begin = Now();
  torch::jit::Module module = torch::jit::load(request.model.string());
  Tell(request, {.lane = Lane::kRetrieve, .num_bytes = std::filesystem::file_size(request.model)},
       begin);
  return module;
}

}  // namespace

Result<ColdAnswer> AnswerSequential(const ColdRequest& request) {
  try {
    Throttle* const throttle = Disk::Of(request.disk).throttle();
    torch::jit::Module module =
        throttle == nullptr ? LoadPlainly(request) : LoadThrottled(request, *throttle);
    module.eval();
    return CallWhole(request, std::move(module));
  } catch (const std::exception& exception) {
    const bool is_there = std::filesystem::is_regular_file(request.model);
    return Error{is_there ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable,
                 exception.what()};
  }
}

}  // namespace raceway::engine::load
