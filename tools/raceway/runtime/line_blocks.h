#pragma once

#include <cstdint>
#include <string>

#include "engine/cancel.h"
#include "engine/input_file.h"
#include "engine/result.h"

namespace raceway::tools {

/// Whole lines of a file or of standard input, some megabytes at a time.
class LineBlocks {
 public:
  /// `file` "-" is standard input.
  explicit LineBlocks(const std::string& file);

  /// Empty: it can be read.
  const std::string& reason() const { return file_.reason(); }

  /// The next lines; no text at the end. Does not wait for more once `cancel` is cancelled.
  ///
  /// Errors   Unavailable with the reason; Cancelled
  engine::Result<std::string> Next(const engine::CancelToken& cancel);

  int64_t num_bytes() const { return num_bytes_; }  // read so far

 private:
  std::string name_;
  engine::InputFile file_;
  std::string rest_;  // the beginning of a line whose end has not been read
  int64_t num_bytes_ = 0;
};

}  // namespace raceway::tools
