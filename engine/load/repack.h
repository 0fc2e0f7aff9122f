#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/cancel.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// Where weights of 4 KiB and more begin in a repacked archive: at blocks of disk and memory.
inline constexpr uint64_t kRepackAlignment = 4096;

struct RepackOptions {
  /// Names of records in the order of their use; none: the order that is recorded with the archive,
  /// or as its weights lie.
  std::optional<std::vector<std::string>> order;
  const CancelToken* cancel = nullptr;          // none: it cannot be
  std::atomic<uint64_t>* num_copied = nullptr;  // counts bytes as it goes, for another thread
};

struct RepackReport {
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
  size_t num_records = 0;
  size_t num_aligned = 0;              // weights that begin at a block
  std::vector<std::string> not_there;  // names of the order that are no weights of the archive
};

/// Writes an archive anew, of `torch.jit.save` or a `.pt2`: first what a loader reads to make the
/// structure, small weights with it, then the others, each at a block, in the order of their use,
/// which is recorded with them. Records stay what they are, bit by bit, so that LibTorch loads the
/// one as the other. Memory is that of one piece of a record.
///
/// `to` is there whole or as it was, and may be `from`.
/// Errors   those of the archive's reading; Unsupported for weights that are deflated or another
///          archive; Unavailable if it cannot be written; Cancelled
Result<RepackReport> Repack(const std::filesystem::path& from, const std::filesystem::path& to,
                            const RepackOptions& options = {});

}  // namespace raceway::engine::load
