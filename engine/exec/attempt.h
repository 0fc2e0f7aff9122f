#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/branch.h"

namespace raceway::engine {

/// What a branch made of some rows of a table. Rows are named by their place in that table.
struct Attempt {
  struct Failure {
    std::vector<int64_t> rows;  // increasing
    Error error;                // its `row_id` is one of `rows`, or -1
  };
  std::vector<Batch> answers;  // their row ids are places in the table
  std::vector<Failure> failures;
};

/// The same rows, numbered from 0.
Batch Numbered(const Batch& batch);

/// The rows at `rows` (increasing) of a table that is numbered from 0; they keep their numbers.
Batch SomeRows(const Batch& numbered, std::span<const int64_t> rows);

/// Sends `rows` of `numbered` through `branch`.
///
/// With `each_row` it finds out which rows fail: one that the error names is out, and the others
/// are tried again; if they fail again, or no row is named, each half by itself. So k bad ones of n
/// rows cost about 2k·log₂(n) runs on ever fewer rows, never more than 4n runs or 2n·log₂(n) + n
/// rows. Without it all rows fail together.
///
/// Once `context.cancel` says so, the rows without an answer fail with its reason, also those whose
/// answer came too late.
Attempt TryRows(const Branch& branch, const Batch& numbered, std::vector<int64_t> rows,
                bool each_row, RunContext& context);

}  // namespace raceway::engine
