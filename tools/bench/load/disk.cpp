#include "tools/bench/load/disk.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/load/arena.h"
#include "engine/load/cache_state.h"
#include "engine/load/crc.h"
#include "engine/load/model_file.h"
#include "engine/load/reader.h"
#include "tools/bench/load/fork.h"

namespace raceway::bench {
namespace {

namespace load = engine::load;

constexpr uint32_t kChunk = 1 << 20;
constexpr size_t kWindow = 8;

std::shared_ptr<load::ModelFile> Open(const std::filesystem::path& path) {
  auto file = load::ModelFile::Open(path.string());
  if (!file) Stop(file.error().Text());
  return *std::move(file);
}

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Reads a file from its beginning to its end.
class WholeFile {
 public:
  WholeFile(load::ModelFile& file, load::Reader& reader) : file_(file), reader_(reader) {
    auto buffer = load::Arena::Reserve(kWindow * kChunk);
    if (!buffer) Stop(buffer.error().Text());
    buffer_ = *std::move(buffer);
    std::fill_n(buffer_->data(), buffer_->size(), std::byte{0});  // touched before the clock runs
    for (size_t slot = 0; slot < kWindow; ++slot) free_.push_back(slot);
  }

  double Rate() {
    const auto begin = std::chrono::steady_clock::now();
    for (uint64_t offset = 0; offset < file_.size(); offset += kChunk) Submit(offset);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return free_.size() == kWindow; });
    if (has_failed_) Stop("cannot read " + file_.path());
    return static_cast<double>(file_.size()) / SecondsSince(begin);
  }

 private:
  void Submit(uint64_t offset) {
    size_t slot = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !free_.empty(); });
      slot = free_.front();
      free_.pop_front();
    }
    const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(kChunk, file_.size() - offset));
    const load::ReadRequest request{&file_, offset, kChunk, wanted,
                                    buffer_->data() + slot * kChunk};
    reader_.Submit(request, [this, slot](int64_t result) {
      const std::lock_guard lock(mutex_);
      has_failed_ = has_failed_ || result <= 0;
      free_.push_back(slot);
      changed_.notify_all();
    });
  }

  load::ModelFile& file_;
  load::Reader& reader_;
  std::shared_ptr<load::Arena> buffer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<size_t> free_;
  bool has_failed_ = false;
};

std::unique_ptr<load::Reader> MakeDirectReader() {
  auto ring = load::MakeUringReader();
  return ring ? *std::move(ring) : load::MakePreadReader();
}

uint64_t CachedBytes(const load::ModelFile& file) {
  return load::CountCachedBytes(file.cached_fd(), file.size());
}

}  // namespace

void MakeCold(const std::filesystem::path& path) {
  const auto file = Open(path);
  uint64_t left = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    load::DropFromCache(file->cached_fd());
    left = CachedBytes(*file);
    if (left == 0) return;
    ::usleep(100'000);  // what was just read ahead may still be under way
  }
  Stop(std::to_string(left) + " bytes of " + path.string() + " stay in the page cache");
}

void MakeHot(const std::filesystem::path& path) {
  const auto file = Open(path);
  std::vector<std::byte> bytes(kChunk);
  for (int attempt = 0; attempt < 3 && CachedBytes(*file) < file->size(); ++attempt) {
    for (uint64_t offset = 0; offset < file->size(); offset += kChunk) {
      if (::pread(file->cached_fd(), bytes.data(), kChunk, static_cast<off_t>(offset)) <= 0) {
        Stop("cannot read " + path.string());
      }
    }
  }
  if (CachedBytes(*file) < file->size()) Stop(path.string() + " does not stay in memory", 4);
}

double DirectRate(const std::filesystem::path& path) {
  const auto file = Open(path);
  const auto reader = MakeDirectReader();
  return WholeFile(*file, *reader).Rate();
}

double CopyRate(const std::filesystem::path& path) {
  const auto file = Open(path);
  const auto reader = load::MakeCachedReader();
  return WholeFile(*file, *reader).Rate();
}

double ChecksumRate() {
  std::vector<std::byte> bytes(64 << 20, std::byte{1});
  const auto begin = std::chrono::steady_clock::now();
  uint32_t sum = 0;
  for (size_t offset = 0; offset < bytes.size(); offset += kChunk) {
    sum ^= load::Crc32(std::span(bytes).subspan(offset, kChunk));
  }
  if (sum == 1) Stop("a checksum that nobody expects");  // keeps the loop
  return static_cast<double>(bytes.size()) / SecondsSince(begin);
}

}  // namespace raceway::bench
