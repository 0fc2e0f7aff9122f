#include "engine/load/strategies/tensor_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <tuple>
#include <utility>

#include "engine/load/arena.h"

namespace raceway::engine::load {
namespace {

constexpr char kSegment[] = ".segment";
constexpr char kIndex[] = ".index";
constexpr uint64_t kAlignment = 64;  // as LibTorch has its memory

std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& folder, const char* kind) {
  std::vector<std::filesystem::path> files;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
    if (entry.path().extension() == kind) files.push_back(entry.path());
  }
  return files;
}

Error Unavailable(const std::filesystem::path& path, int error) {
  return Error{ErrorCode::kUnavailable, path.string() + ": " + std::strerror(error)};
}

/// False if it belongs to somebody else, who could put any weights there.
bool MakeOurs(const std::filesystem::path& folder) {
  std::error_code refused;
  std::filesystem::create_directories(folder, refused);
  struct stat status = {};
  return lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == getuid() && chmod(folder.c_str(), S_IRWXU) == 0;
}

}  // namespace

struct TensorStore::Place {
  std::string segment;
  uint64_t offset;
};

/// A line of an index: a tensor of a model's file, and where it is.
struct TensorStore::Known {
  uint64_t source_offset;
  uint64_t size;
  std::optional<uint32_t> crc32;
  Place place;
};

/// A file of the store, mapped. It cannot go while one of these lives, in whatever process.
class TensorStore::Segment {
 public:
  /// Null if it is gone, or about to go.
  static std::shared_ptr<const Segment> Open(const std::filesystem::path& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    struct stat status = {};
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 || fstat(fd, &status) != 0 || status.st_nlink == 0) {
      close(fd);
      return nullptr;
    }
    const auto size = static_cast<uint64_t>(status.st_size);
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      close(fd);
      return nullptr;
    }
    futimens(fd, nullptr);  // used just now
    return std::shared_ptr<const Segment>(
        new Segment(path.filename().string(), fd, static_cast<std::byte*>(data), size));
  }
  ~Segment() {
    munmap(data_, size_);
    close(fd_);
  }
  Segment(const Segment&) = delete;

  const std::string& name() const { return name_; }
  std::byte* at(uint64_t offset) const { return data_ + offset; }
  bool Has(uint64_t offset, uint64_t size) const {
    return offset <= size_ && size <= size_ - offset;
  }

 private:
  Segment(std::string name, int fd, std::byte* data, uint64_t size)
      : name_(std::move(name)), fd_(fd), data_(data), size_(size) {}

  const std::string name_;
  const int fd_;  // holds the lock
  std::byte* const data_;
  const uint64_t size_;
};

/// One process at a time adds and removes.
class TensorStore::Lock {
 public:
  explicit Lock(const std::filesystem::path& folder)
      : fd_(open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0) flock(fd_, LOCK_EX);
  }
  ~Lock() {
    if (fd_ >= 0) close(fd_);
  }
  Lock(const Lock&) = delete;

 private:
  const int fd_;
};

TensorStore::TensorStore(std::filesystem::path folder, uint64_t capacity)
    : folder_(std::move(folder)), capacity_(capacity), is_ours_(MakeOurs(folder_)) {}

std::vector<std::optional<SharedBytes>> TensorStore::Find(const ModelFile& file,
                                                          std::span<const Extent> extents) const {
  std::map<uint64_t, Known> known;
  for (Known& tensor : ReadIndex(IndexOf(file))) known.emplace(tensor.source_offset, tensor);
  std::map<std::string, std::shared_ptr<const Segment>> segments;
  std::vector<std::optional<SharedBytes>> found(extents.size());
  if (!is_ours_) return found;
  for (size_t i = 0; i < extents.size(); ++i) {
    const auto tensor = known.find(extents[i].offset);
    if (tensor == known.end() || tensor->second.size != extents[i].size) continue;
    const Place& place = tensor->second.place;
    const auto [at, is_new] = segments.try_emplace(place.segment);
    if (is_new) at->second = Open(place.segment);
    const std::shared_ptr<const Segment>& segment = at->second;
    if (segment == nullptr || !segment->Has(place.offset, extents[i].size)) continue;
    found[i] = SharedBytes{segment->at(place.offset), segment};
  }
  return found;
}

Result<std::vector<std::optional<SharedBytes>>> TensorStore::Publish(
    const ModelFile& file, std::span<const Extent> extents,
    std::span<const std::byte* const> bytes) {
  if (!is_ours_) return Unavailable(folder_, EPERM);
  const Lock lock(folder_);
  std::multimap<std::tuple<uint64_t, std::optional<uint32_t>>, Place> candidates;
  for (const Known& tensor : ReadAll()) {
    candidates.emplace(std::tuple(tensor.size, tensor.crc32), tensor.place);
  }
  std::map<std::string, std::shared_ptr<const Segment>> segments;
  const auto is_at = [&](const Place& place, std::span<const std::byte> tensor) {
    const auto [at, is_new] = segments.try_emplace(place.segment);
    if (is_new) at->second = Open(place.segment);
    return at->second != nullptr && at->second->Has(place.offset, tensor.size()) &&
           std::memcmp(at->second->at(place.offset), tensor.data(), tensor.size()) == 0;
  };
  Index index = ReadIndex(IndexOf(file));
  std::vector<std::span<const std::byte>> added;
  uint64_t end = 0;
  for (size_t i = 0; i < extents.size(); ++i) {
    if (bytes[i] == nullptr) continue;
    const std::span<const std::byte> tensor(bytes[i], extents[i].size);
    std::erase_if(index, [&](const Known& old) { return old.source_offset == extents[i].offset; });
    Known known{extents[i].offset, extents[i].size, extents[i].crc32, {"", end}};
    const auto [first, last] = candidates.equal_range({tensor.size(), extents[i].crc32});
    const auto same =
        std::find_if(first, last, [&](const auto& other) { return is_at(other.second, tensor); });
    if (same != last) {
      known.place = same->second;
    } else {
      added.push_back(tensor);
      end += RoundUp(tensor.size(), kAlignment);
    }
    index.push_back(std::move(known));
  }
  if (!added.empty()) {
    const Result<std::shared_ptr<const Segment>> segment = Add(added);
    if (!segment) return segment.error();
    for (Known& known : index) {
      if (known.place.segment.empty()) known.place.segment = (*segment)->name();
    }
    WriteIndex(file, index);
    return Find(file, extents);
  }
  WriteIndex(file, index);
  return Find(file, extents);
}

std::filesystem::path TensorStore::IndexOf(const ModelFile& file) const {
  struct stat status = {};
  fstat(file.cached_fd(), &status);
  return folder_ / (std::to_string(status.st_dev) + "-" + std::to_string(status.st_ino) + "-" +
                    std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) +
                    "." + std::to_string(status.st_mtim.tv_nsec) + kIndex);
}

TensorStore::Index TensorStore::ReadIndex(const std::filesystem::path& path) const {
  Index index;
  std::ifstream file(path);
  uint64_t source_offset = 0;
  uint64_t size = 0;
  int64_t crc = -1;
  Place place;
  while (file >> source_offset >> size >> crc >> place.segment >> place.offset) {
    index.push_back({source_offset, size,
                     crc < 0 ? std::nullopt : std::optional(static_cast<uint32_t>(crc)), place});
  }
  return index;
}

TensorStore::Index TensorStore::ReadAll() const {
  Index all;
  for (const std::filesystem::path& path : FilesIn(folder_, kIndex)) {
    for (Known& known : ReadIndex(path)) all.push_back(std::move(known));
  }
  return all;
}

/// Whole or not at all: others read without a lock.
void TensorStore::WriteIndex(const ModelFile& file, const Index& index) const {
  const std::filesystem::path path = IndexOf(file);
  const std::filesystem::path part = path.string() + ".part";
  {
    std::ofstream to(part);
    for (const Known& known : index) {
      to << known.source_offset << ' ' << known.size << ' '
         << (known.crc32 ? static_cast<int64_t>(*known.crc32) : -1) << ' ' << known.place.segment
         << ' ' << known.place.offset << '\n';
    }
    if (!to.flush()) return;
  }
  std::error_code kept_as_it_was;
  std::filesystem::rename(part, path, kept_as_it_was);
}

std::shared_ptr<const TensorStore::Segment> TensorStore::Open(const std::string& name) const {
  return Segment::Open(folder_ / name);
}

Result<std::shared_ptr<const TensorStore::Segment>> TensorStore::Add(
    std::span<const std::span<const std::byte>> tensors) const {
  uint64_t size = 0;
  for (const std::span<const std::byte> tensor : tensors)
    size += RoundUp(tensor.size(), kAlignment);
  if (Status room = MakeRoom(size); !room) return std::move(room).error();
  std::string path = (folder_ / "XXXXXX").string() + kSegment;
  const int fd = mkostemps(path.data(), static_cast<int>(std::strlen(kSegment)), O_CLOEXEC);
  if (fd < 0) return Unavailable(folder_, errno);
  const auto refuse = [&](int error) {
    close(fd);
    unlink(path.c_str());
    return Unavailable(path, error);
  };
  // Room first: writing to memory that is not there would end the process.
  if (const int error = posix_fallocate(fd, 0, static_cast<off_t>(size)); error != 0) {
    return refuse(error);
  }
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return refuse(errno);
  auto* to = static_cast<std::byte*>(data);
  for (const std::span<const std::byte> tensor : tensors) {
    std::memcpy(to, tensor.data(), tensor.size());
    to += RoundUp(tensor.size(), kAlignment);
  }
  munmap(data, size);
  close(fd);
  std::shared_ptr<const Segment> segment = Segment::Open(path);
  if (segment == nullptr) return Unavailable(path, ENOENT);
  return segment;
}

Status TensorStore::MakeRoom(uint64_t num_bytes) const {
  std::vector<std::filesystem::path> segments = FilesIn(folder_, kSegment);
  std::map<std::filesystem::path, std::filesystem::file_time_type> used;
  std::error_code gone;
  for (const auto& path : segments) used[path] = std::filesystem::last_write_time(path, gone);
  std::sort(segments.begin(), segments.end(),
            [&](const auto& a, const auto& b) { return used[a] < used[b]; });
  uint64_t total = CountBytes();
  for (const std::filesystem::path& path : segments) {
    if (total + num_bytes <= capacity_) break;
    const uint64_t size = std::filesystem::file_size(path, gone);
    if (RemoveIfIdle(path)) total -= size;
  }
  RemoveStaleIndices();
  if (total + num_bytes <= capacity_) return Done{};
  return Error{ErrorCode::kUnavailable, folder_.string() + ": is full of tensors that are in use"};
}

bool TensorStore::RemoveIfIdle(const std::filesystem::path& segment) const {
  const int fd = open(segment.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_idle = flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (is_idle) unlink(segment.c_str());
  close(fd);
  return is_idle;
}

/// Those that name nothing that is still here.
void TensorStore::RemoveStaleIndices() const {
  for (const std::filesystem::path& path : FilesIn(folder_, kIndex)) {
    const Index index = ReadIndex(path);
    const bool is_stale = std::none_of(index.begin(), index.end(), [this](const Known& known) {
      return std::filesystem::exists(folder_ / known.place.segment);
    });
    std::error_code gone;
    if (is_stale) std::filesystem::remove(path, gone);
  }
}

void TensorStore::RemoveIdle() {
  const Lock lock(folder_);
  for (const std::filesystem::path& path : FilesIn(folder_, kSegment)) RemoveIfIdle(path);
  RemoveStaleIndices();
}

uint64_t TensorStore::CountBytes() const {
  uint64_t total = 0;
  std::error_code gone;
  for (const std::filesystem::path& path : FilesIn(folder_, kSegment)) {
    const uint64_t size = std::filesystem::file_size(path, gone);
    if (!gone) total += size;
  }
  return total;
}

}  // namespace raceway::engine::load
