#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/cancel.h"
#include "engine/data/batch.h"
#include "engine/data/schema.h"
#include "engine/result.h"

namespace raceway::engine {

/// Makes a folder of rows. They are gathered in a folder beside it, `.NAME.loading`, which takes
/// its place in one step when all are there: whoever opens the folder finds the old rows or the new
/// ones, and who has it open keeps the old ones. Without `Finish` all stays as it was. What loading
/// did not make (it has no file `RACEWAY`) is never replaced.
///
/// The keys are kept in memory while loading, to find those that are there twice.
///
/// Threads  for one thread
class StoreWriter {
 public:
  virtual ~StoreWriter() = default;

  /// The first column of `schema` is the key.
  ///
  /// Errors   InvalidArgument for a schema without key or columns, Unavailable if it cannot be
  ///          written or somebody else is loading the same folder
  static Result<std::unique_ptr<StoreWriter>> Begin(const std::filesystem::path& folder,
                                                    const Schema& schema);

  /// Adds `rows`, which have the schema; `lines[r]` is what messages call row r.
  ///
  /// Errors   InvalidArgument for a key that is there already, Unavailable if the disk is full
  virtual Status Add(const Batch& rows, std::span<const int64_t> lines) = 0;

  /// Sorts the rows and puts the folder into its place.
  ///
  /// Errors   Unavailable if the disk is full; the reason of `cancel`, within some 10 ms, where it
  ///          says so while they are sorted
  virtual Status Finish(const CancelToken& cancel) = 0;
};

/// Whether some process is loading `folder`.
bool IsBeingLoaded(const std::filesystem::path& folder);

}  // namespace raceway::engine
