#include "engine/load/package_code.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "engine/cache_folder.h"
#include "engine/input_file.h"
#include "engine/load/digest.h"

namespace raceway::engine::load {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxRecordBytes = uint64_t{16} << 30;

struct CodeFile {
  std::string name;
  std::string bytes;
};

/// Whether an ELF file ends where its headers say. The system maps what is missing, too, and ends
/// the process when it is read.
bool IsWhole(const std::string& library) {
  Elf64_Ehdr header;
  if (library.size() < sizeof(header)) return false;
  std::memcpy(&header, library.data(), sizeof(header));
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize <= library.size();
}

bool IsCode(std::string_view name) {
  return !name.ends_with(".cpp") && !name.ends_with("_weights.blob") &&
         !name.ends_with("/weights_config.json");
}

/// In the order of the archive, the library first.
Result<std::vector<CodeFile>> FilesOf(const Archive& archive, std::string_view folder) {
  std::vector<CodeFile> files;
  for (const ZipRecord& record : archive.records()) {
    const std::string_view name = archive.NameOf(record);
    if (!name.starts_with(folder) || !IsCode(name)) continue;
    Result<std::string> bytes = archive.Read(name, kMaxRecordBytes);
    if (!bytes) return std::move(bytes).error();
    if (name.ends_with(".so") && !IsWhole(*bytes)) {
      return archive.file().Wrong(ErrorCode::kInvalidArgument, "is code that is torn", name);
    }
    files.push_back({fs::path(name).filename().string(), *std::move(bytes)});
  }
  const auto library = std::find_if(
      files.begin(), files.end(), [](const CodeFile& file) { return file.name.ends_with(".so"); });
  if (library == files.end()) {
    return archive.file().Wrong(ErrorCode::kInvalidArgument, "has no compiled code in it");
  }
  std::rotate(files.begin(), library, library + 1);
  return files;
}

/// Of names and contents, in hexadecimal.
std::string HashOf(const std::vector<CodeFile>& files) {
  Digest digest;
  for (const CodeFile& file : files) {
    digest.Add(file.name);
    digest.Add(file.bytes);
  }
  return digest.Text();
}

bool Holds(const fs::path& folder, const std::vector<CodeFile>& files) {
  return std::all_of(files.begin(), files.end(), [&](const CodeFile& file) {
    const Result<std::string> found =
        ReadFile(folder / file.name, static_cast<int64_t>(file.bytes.size()));
    return found.ok() && *found == file.bytes;
  });
}

bool Write(const fs::path& folder, const std::vector<CodeFile>& files) {
  return std::all_of(files.begin(), files.end(), [&](const CodeFile& file) {
    std::ofstream out(folder / file.name, std::ios::binary);
    out.write(file.bytes.data(), static_cast<std::streamsize>(file.bytes.size()));
    out.close();
    return !out.fail();
  });
}

/// One holds it at a time, of all processes; -1 where there can be none.
int Lock(const fs::path& cache) {
  std::error_code error;
  fs::create_directories(cache, error);
  const int fd = open((cache / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  while (flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    close(fd);
    return -1;
  }
  return fd;
}

/// Takes away what was used longest ago, but not `kept`, and what was not finished.
void Trim(const fs::path& cache, const fs::path& kept, const PackageCode::Limits& limits) {
  struct Package {
    fs::file_time_type used;
    fs::path folder;
    uint64_t num_bytes = 0;
  };
  std::vector<Package> packages;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(cache, ignored)) {
    if (!entry.is_directory(ignored)) continue;
    Package package{entry.last_write_time(ignored), entry.path()};
    for (const fs::directory_entry& file : fs::directory_iterator(entry.path(), ignored)) {
      package.num_bytes += file.file_size(ignored);
    }
    packages.push_back(std::move(package));
  }
  std::sort(packages.begin(), packages.end(),
            [](const Package& a, const Package& b) { return a.used > b.used; });
  uint64_t num_bytes = 0;
  for (size_t i = 0; i < packages.size(); ++i) {
    num_bytes += packages[i].num_bytes;
    if (packages[i].folder == kept) continue;
    const bool is_part = packages[i].folder.extension() == ".part";
    if (!is_part && i < limits.num_packages && num_bytes <= limits.num_bytes) continue;
    fs::remove_all(packages[i].folder, ignored);
  }
}

/// Has the files in `folder`, whose lock is held; false where they cannot be written.
bool Keep(const fs::path& folder, const std::vector<CodeFile>& files) {
  std::error_code error;
  if (!Holds(folder, files)) {
    const fs::path part = folder.string() + ".part";
    fs::remove_all(part, error);
    if (!fs::create_directory(part, error) || !Write(part, files)) return false;
    fs::remove_all(folder, error);
    fs::rename(part, folder, error);
    if (error) return false;
  }
  fs::last_write_time(folder, fs::file_time_type::clock::now(), error);
  return true;
}

/// Empty where there can be none.
fs::path MakeTemporaryFolder() {
  std::error_code error;
  std::string name = (fs::temp_directory_path(error) / "raceway-model-XXXXXX").string();
  return ::mkdtemp(name.data()) == nullptr ? fs::path() : fs::path(name);
}

}  // namespace

fs::path PackageCode::DefaultCache() {
  const fs::path cache = CacheFolder();
  return cache.empty() ? cache : cache / "packages";
}

Result<PackageCode> PackageCode::Unpack(const Archive& archive, std::string_view folder,
                                        const fs::path& cache, Limits limits) {
  const Result<std::vector<CodeFile>> files = FilesOf(archive, folder);
  if (!files) return files.error();
  PackageCode code;
  if (!cache.empty()) code.lock_ = Lock(cache);
  if (code.lock_ >= 0) {
    const fs::path kept = cache / HashOf(*files);
    if (Keep(kept, *files)) {
      Trim(cache, kept, limits);
      code.library_ = kept / files->front().name;
      return code;
    }
  }
  return UnpackForNow(archive, folder);
}

Result<PackageCode> PackageCode::UnpackForNow(const Archive& archive, std::string_view folder) {
  const Result<std::vector<CodeFile>> files = FilesOf(archive, folder);
  if (!files) return files.error();
  PackageCode code;
  code.temporary_ = MakeTemporaryFolder();
  if (code.temporary_.empty() || !Write(code.temporary_, *files)) {
    return archive.file().Wrong(ErrorCode::kUnavailable,
                                "cannot be unpacked to a temporary folder");
  }
  code.library_ = code.temporary_ / files->front().name;
  return code;
}

PackageCode::PackageCode(PackageCode&& other) noexcept
    : library_(std::move(other.library_)),
      temporary_(std::exchange(other.temporary_, {})),
      lock_(std::exchange(other.lock_, -1)) {}

PackageCode::~PackageCode() {
  if (lock_ >= 0) close(lock_);
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

}  // namespace raceway::engine::load
