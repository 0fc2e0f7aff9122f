#include "tests/engine/load/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine/load/cache_state.h"
#include "engine/load/crc.h"

namespace raceway::engine::load::testing {
namespace {

/// An open file, closed at the end.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  }
  ~Descriptor() { close(fd_); }
  Descriptor(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

void WriteAt(int fd, uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written <= 0) throw std::runtime_error("cannot write");
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

}  // namespace

RandomFile::RandomFile(uint64_t size, uint64_t seed) : bytes_(RoundUp(size)) {
  std::mt19937_64 random(seed);
  for (uint64_t at = 0; at < bytes_.size(); at += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(&bytes_[at], &word, sizeof(word));
  }
  bytes_.resize(size);
  path_ = (std::filesystem::temp_directory_path() / "raceway-load-XXXXXX").string();
  const int fd = mkstemp(path_.data());
  if (fd < 0) throw std::runtime_error(path_ + ": " + std::strerror(errno));
  WriteAt(fd, 0, bytes_);
  close(fd);
}

RandomFile::~RandomFile() { unlink(path_.c_str()); }

void RandomFile::Overwrite(uint64_t offset, std::span<const std::byte> bytes) const {
  WriteAt(Descriptor(path_, O_WRONLY).fd(), offset, bytes);
}

void RandomFile::FlipByte(uint64_t offset) const {
  const std::byte flipped = bytes_[offset] ^ std::byte{0x10};
  Overwrite(offset, {&flipped, 1});
}

bool RandomFile::Evict() const {
  const Descriptor file(path_, O_RDWR);
  fsync(file.fd());
  posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  return !IsCached(file.fd(), 0, std::min<uint64_t>(bytes_.size(), kBlock));
}

void RandomFile::Cache(uint64_t offset, uint64_t num_bytes) const {
  const Descriptor file(path_, O_RDONLY);
  posix_fadvise(file.fd(), 0, 0, POSIX_FADV_RANDOM);  // reads nothing ahead
  std::vector<std::byte> bytes(num_bytes);
  if (pread(file.fd(), bytes.data(), num_bytes, static_cast<off_t>(offset)) < 0) {
    throw std::runtime_error("cannot read");
  }
}

std::shared_ptr<ModelFile> RandomFile::Open(bool allow_direct) const {
  return ModelFile::Open(path_, allow_direct).value();
}

std::vector<Extent> RandomExtents(const RandomFile& file, int32_t count, std::mt19937_64& random) {
  const uint64_t size = file.bytes().size();
  std::vector<uint64_t> cuts = {0, size};
  while (cuts.size() < static_cast<size_t>(count) + 1) cuts.push_back(random() % (size + 1));
  std::sort(cuts.begin(), cuts.end());
  std::vector<Extent> extents;
  for (int32_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    uint64_t length = cuts[at + 1] - cuts[at];
    if (random() % 4 == 0) length -= std::min<uint64_t>(length, random() % 64);  // a gap
    Extent extent = {i, 0, cuts[at], length, std::nullopt};
    extent.crc32 = Crc32(file.bytes(extent));
    extents.push_back(extent);
  }
  std::shuffle(extents.begin(), extents.end(), random);
  return extents;
}

std::vector<Extent> EqualExtents(const RandomFile& file, uint64_t size) {
  std::vector<Extent> extents;
  for (uint64_t offset = 0; offset < file.bytes().size(); offset += size) {
    const auto storage = static_cast<int32_t>(extents.size());
    Extent extent = {storage, 0, offset, std::min(size, file.bytes().size() - offset),
                     std::nullopt};
    extent.crc32 = Crc32(file.bytes(extent));
    extents.push_back(extent);
  }
  return extents;
}

std::span<const std::byte> Loaded(const LoadJob& job, int32_t storage) {
  return {job.data(storage), job.num_bytes(storage)};
}

bool IsAsWritten(const LoadJob& job, const RandomFile& file, const Extent& extent) {
  const std::span<const std::byte> loaded = Loaded(job, extent.storage);
  const std::span<const std::byte> written = file.bytes(extent);
  return std::equal(loaded.begin(), loaded.end(), written.begin(), written.end());
}

bool IsReadable(const std::byte* byte) {
  int ends[2] = {};
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const bool readable = write(ends[1], byte, 1) == 1;  // EFAULT otherwise
  close(ends[0]);
  close(ends[1]);
  return readable;
}

int64_t CountInProc(const char* folder) {
  const auto entries = std::filesystem::directory_iterator(std::string("/proc/self/") + folder);
  return std::distance(begin(entries), end(entries));
}

bool IsAsleep(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat.substr(name_end + 2, 1) == "S";
}

void FlipBit(const std::filesystem::path& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto place = static_cast<std::streamoff>(offset);
  const int byte = file.seekg(place).get();
  file.seekp(place).put(static_cast<char>(byte ^ 1));
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace raceway::engine::load::testing
