#include "engine/store/store_writer.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <future>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "engine/data/key_text.h"
#include "engine/data/key_type.h"
#include "engine/store/rocks_options.h"
#include "engine/store/row_codec.h"
#include "engine/store/store_description.h"

namespace raceway::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatchBytes = size_t{4} << 20;

/// How often who waits for sorting looks whether it is still wanted.
constexpr std::chrono::milliseconds kLook(10);

/// Where links lead, and without a slash at the end, so that it has a name and a parent.
fs::path Plain(const fs::path& folder) {
  std::error_code failed;
  fs::path full = fs::weakly_canonical(fs::absolute(folder), failed);
  if (failed) full = fs::absolute(folder).lexically_normal();
  return full.has_filename() ? full : full.parent_path();
}

fs::path LoadingFolder(const fs::path& folder) {
  const fs::path plain = Plain(folder);
  return plain.parent_path() / ("." + plain.filename().string() + ".loading");
}

Error CannotWrite(const fs::path& folder, const std::string& reason) {
  return {ErrorCode::kUnavailable, "cannot write `" + folder.string() + "`: " + reason};
}

/// Whether rows may take the place of what is there: nothing, an empty folder, or what loading
/// made.
Status CheckReplaceable(const fs::path& target) {
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(target, failed);
  if (status.type() == fs::file_type::not_found) return Done{};
  if (fs::is_directory(status) &&
      (fs::is_empty(target, failed) || fs::exists(target / kMarkerFile, failed))) {
    return Done{};
  }
  return Error{ErrorCode::kInvalidArgument,
               "`" + target.string() + "` is there and holds something else (it has no file " +
                   std::string(kMarkerFile) + "); rows go into a folder of their own"};
}

/// A folder of its own that a process holds while it loads. The lock goes with the process.
class LoadingPlace {
 public:
  explicit LoadingPlace(fs::path folder) : folder_(std::move(folder)) {}
  ~LoadingPlace() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  LoadingPlace(const LoadingPlace&) = delete;

  const fs::path& folder() const { return folder_; }

  /// Takes it and empties it of what a process left that was killed. 0, or the reason.
  int Take() {
    while (true) {
      if (::mkdir(folder_.c_str(), 0777) != 0 && errno != EEXIST) return errno;
      descriptor_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (descriptor_ < 0 && errno == ENOENT) continue;
      if (descriptor_ < 0) return errno;
      if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) return errno;
      if (IsStillThere()) break;  // else somebody finished loading meanwhile
      ::close(descriptor_);
      descriptor_ = -1;
    }
    return Clear();
  }

  /// Lets others load, after the folder has taken its place.
  void Release() { ::close(std::exchange(descriptor_, -1)); }

 private:
  int Clear() const {
    std::error_code failed;
    for (const fs::directory_entry& rest : fs::directory_iterator(folder_, failed)) {
      fs::remove_all(rest.path(), failed);
      if (failed) break;
    }
    return failed.value();
  }

  bool IsStillThere() const {
    struct stat held {};
    struct stat named {};
    return ::fstat(descriptor_, &held) == 0 && ::stat(folder_.c_str(), &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
  }

  fs::path folder_;
  int descriptor_ = -1;
};

/// The lock of a folder that goes: nobody loads into it while it is removed.
class HeldFolder {
 public:
  explicit HeldFolder(const fs::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) {
    if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX) != 0) reason_ = errno;
  }
  ~HeldFolder() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  HeldFolder(const HeldFolder&) = delete;

  int reason() const { return reason_; }  // 0: it is held

 private:
  int descriptor_;
  int reason_ = 0;
};

class Writer final : public StoreWriter {
 public:
  Writer(fs::path folder, const Schema& schema, std::unique_ptr<LoadingPlace> place,
         std::unique_ptr<rocksdb::DB> db)
      : folder_(std::move(folder)), place_(std::move(place)), db_(std::move(db)), codec_(schema) {}

  ~Writer() override {
    db_.reset();
    if (is_done_) return;
    std::error_code ignored;
    fs::remove_all(place_->folder(), ignored);
  }

  Status Add(const Batch& rows, std::span<const int64_t> lines) override {
    const Column& keys = rows.column(0);
    std::vector<std::string> encoded = EncodeKeys(keys);
    std::string row;
    for (size_t i = 0; i < encoded.size(); ++i) {
      const auto [known, is_new] = lines_.try_emplace(std::move(encoded[i]), lines[i]);
      if (!is_new) {
        return Error{ErrorCode::kInvalidArgument,
                     "lines " + std::to_string(known->second) + " and " + std::to_string(lines[i]) +
                         " have the same key, " +
                         KeyText(keys, codec_.schema()[0].type, static_cast<int64_t>(i))};
      }
      codec_.Encode(rows, static_cast<int64_t>(i), row);
      batch_.Put(std::string(kRowPrefix) + known->first, row);
      if (batch_.GetDataSize() < kBatchBytes) continue;
      if (Status written = Write(); !written) return written;
    }
    return Done{};
  }

  Status Finish(const CancelToken& cancel) override {
    if (Status written = Write(); !written) return written;
    if (Status flushed = Checked(db_->Flush(rocksdb::FlushOptions())); !flushed) return flushed;
    if (Status sorted = Sort(cancel); !sorted) return sorted;
    // Last, and in a file of its own: what is cut short has none. (With files of two levels RocksDB
    // also reads several keys in one go; of a single level it would copy each value.)
    batch_.Put(kDescriptionKey,
               ToJson(StoreDescription{codec_.schema(), static_cast<int64_t>(lines_.size())}));
    if (Status written = Write(); !written) return written;
    if (Status flushed = Checked(db_->Flush(rocksdb::FlushOptions())); !flushed) return flushed;
    if (Status closed = Checked(db_->Close()); !closed) return closed;
    db_.reset();
    return PutInPlace();
  }

 private:
  /// In another thread, while this one looks at `cancel`: RocksDB asks a flag, no token.
  Status Sort(const CancelToken& cancel) {
    std::atomic<bool> is_stopped = false;
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    options.canceled = &is_stopped;
    std::future<rocksdb::Status> sorted = std::async(
        std::launch::async, [&] { return db_->CompactRange(options, nullptr, nullptr); });
    while (sorted.wait_for(kLook) != std::future_status::ready) {
      is_stopped = cancel.Check().has_value();
    }
    if (const auto stop = cancel.Check()) return Error{*stop, std::string(NameOf(*stop))};
    return Checked(sorted.get());
  }

  Status Write() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;  // what is not finished is thrown away
    Status written = Checked(db_->Write(options, &batch_));
    batch_.Clear();
    return written;
  }

  Status Checked(const rocksdb::Status& status) const {
    if (status.ok()) return Done{};
    const bool is_full = status.IsNoSpace();
    return CannotWrite(folder_, is_full ? "the disk is full" : status.ToString());
  }

  Status PutInPlace() {
    const fs::path& loaded = place_->folder();
    std::ofstream marker(loaded / kMarkerFile);
    marker << "Made by `raceway store load`, which may replace this folder.\n" << std::flush;
    if (!marker) return CannotWrite(folder_, std::strerror(errno));
    if (Status free = CheckReplaceable(folder_); !free) return free;
    if (::rename(loaded.c_str(), folder_.c_str()) == 0) {
      is_done_ = true;
      place_->Release();
      return Done{};
    }
    if (errno != ENOTEMPTY && errno != EEXIST) return CannotWrite(folder_, std::strerror(errno));
    // The old folder is there. Both change places, then it goes.
    const HeldFolder old(folder_);
    if (old.reason() != 0) return CannotWrite(folder_, std::strerror(old.reason()));
    if (Status free = CheckReplaceable(folder_); !free) return free;
    if (::renameat2(AT_FDCWD, loaded.c_str(), AT_FDCWD, folder_.c_str(), RENAME_EXCHANGE) != 0) {
      return CannotWrite(folder_, std::strerror(errno));
    }
    is_done_ = true;
    place_->Release();
    std::error_code ignored;
    fs::remove_all(loaded, ignored);
    return Done{};
  }

  fs::path folder_;
  std::unique_ptr<LoadingPlace> place_;
  std::unique_ptr<rocksdb::DB> db_;
  RowCodec codec_;
  rocksdb::WriteBatch batch_;
  std::unordered_map<std::string, int64_t> lines_;  // of each key
  bool is_done_ = false;
};

}  // namespace

Result<std::unique_ptr<StoreWriter>> StoreWriter::Begin(const fs::path& folder,
                                                        const Schema& schema) {
  if (schema.size() < 2 || !CanBeKey(schema[0].type)) {
    return Error{ErrorCode::kInvalidArgument,
                 ToString(schema) + " is not a key (integer, bool, time or text) and columns"};
  }
  const fs::path target = Plain(folder);
  if (Status free = CheckReplaceable(target); !free) return std::move(free).error();
  std::error_code failed;
  fs::create_directories(target.parent_path(), failed);
  auto place = std::make_unique<LoadingPlace>(LoadingFolder(target));
  if (const int reason = place->Take(); reason != 0) {
    return CannotWrite(folder, reason == EWOULDBLOCK
                                   ? std::string("another process is loading it; wait for that one")
                                   : std::strerror(reason));
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(LoadingOptions(), place->folder().string(), &db);
  std::unique_ptr<rocksdb::DB> owned(db);
  auto writer = std::make_unique<Writer>(target, schema, std::move(place), std::move(owned));
  if (!opened.ok()) return CannotWrite(folder, opened.ToString());
  return std::unique_ptr<StoreWriter>(std::move(writer));
}

bool IsBeingLoaded(const fs::path& folder) {
  const int descriptor = ::open(LoadingFolder(folder).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool is_held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  ::close(descriptor);
  return is_held;
}

}  // namespace raceway::engine
