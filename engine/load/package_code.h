#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The compiled code of a package in a folder, from which the system can open it. Until this goes
/// nobody takes it away; what is open then needs it no more (kernels of CUDA do: they are read when
/// they are first used).
class PackageCode {
 public:
  /// At most so much is kept of packages that have not been used for longest.
  struct Limits {
    size_t num_packages = 64;
    uint64_t num_bytes = uint64_t{1} << 30;
  };

  /// Below `CacheFolder`; empty where the user has none.
  static std::filesystem::path DefaultCache();

  /// Once for all packages with the same code: below `cache`, under the hash of what is in it. What
  /// lies there is compared with the package and written anew if it is another. Where nothing can
  /// be written, or `cache` is empty, as `UnpackForNow`. Waits for others, of any process, that
  /// have code from there which they are about to open.
  ///
  /// `folder` is that of the model in the archive; its weights and sources are left out.
  ///
  /// Errors   InvalidArgument for code that is torn, as `Archive::Read`; Unavailable if there is
  ///          no place to write to
  /// Threads  any
  static Result<PackageCode> Unpack(const Archive& archive, std::string_view folder,
                                    const std::filesystem::path& cache, Limits limits);
  static Result<PackageCode> Unpack(const Archive& archive, std::string_view folder,
                                    const std::filesystem::path& cache = DefaultCache()) {
    return Unpack(archive, folder, cache, Limits());
  }

  /// In a temporary folder, gone with this.
  static Result<PackageCode> UnpackForNow(const Archive& archive, std::string_view folder);

  ~PackageCode();
  PackageCode(PackageCode&& other) noexcept;
  PackageCode& operator=(PackageCode&&) = delete;

  const std::filesystem::path& library() const { return library_; }

 private:
  PackageCode() = default;

  std::filesystem::path library_;
  std::filesystem::path temporary_;  // empty: nothing to take away
  int lock_ = -1;                    // of the cache
};

}  // namespace raceway::engine::load
