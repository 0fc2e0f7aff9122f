#include "engine/load/blob_check.h"

#include <string>
#include <utility>

#include "engine/load/crc.h"

namespace raceway::engine::load {

BlobCheck::BlobCheck(std::shared_ptr<LoadJob> job, std::vector<int32_t> storages, Extent whole,
                     std::string path)
    : job_(std::move(job)),
      storages_(std::move(storages)),
      whole_(whole),
      path_(std::move(path)),
      thread_([this] { Run(); }) {}

BlobCheck::~BlobCheck() {
  job_->Cancel();
  thread_.join();
}

void BlobCheck::Run() {
  uint32_t found = 0;
  for (const int32_t storage : storages_) {
    if (const Status arrived = job_->Wait(storage); !arrived) {
      outcome_.Fail(0, arrived.error());
      return;
    }
    const uint64_t num_bytes = job_->num_bytes(storage);
    const LoadSpan span(job_->on_event(), job_->clock(),
                        {.lane = Lane::kVerify, .num_bytes = num_bytes});
    found = Crc32Combine(found, Crc32({job_->data(storage), num_bytes}), num_bytes);
  }
  if (!whole_.crc32 || found == *whole_.crc32) {
    outcome_.Publish(0);
    return;
  }
  outcome_.Fail(
      0, {ErrorCode::kFailed, path_ + ": weights at bytes " + std::to_string(whole_.offset) + "+" +
                                  std::to_string(whole_.size) +
                                  ": their checksum is another than was written"});
}

}  // namespace raceway::engine::load
