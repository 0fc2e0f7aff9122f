#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/result.h"

namespace raceway::engine {

/// A file open for reading; closed at the end.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;

  const std::string& reason() const { return reason_; }  // empty: it can be read
  /// Up to `size` bytes; 0 at the end, -1 (and `reason`) on an error.
  ssize_t Read(char* buffer, size_t size);
  /// Waits until `Read` has something to say (the end and errors, too), for at most `patience` or
  /// until a signal comes. Whether it has.
  bool WaitForMore(std::chrono::milliseconds patience) const;

 private:
  int descriptor_;
  std::string reason_;
};

/// The whole file.
///
/// Errors   Unavailable with the reason: missing, a folder, not readable, larger than `max_bytes`
Result<std::string> ReadFile(const std::filesystem::path& path,
                             int64_t max_bytes = int64_t{1} << 30);

}  // namespace raceway::engine
