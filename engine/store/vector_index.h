#pragma once

#include <ATen/core/TensorBody.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

/// How near two vectors are.
enum class Metric {
  kCosine,  // 1 for the same direction, -1 for opposite ones; a vector of zeros is 0 from all
  kDot,     // the inner product
  kL2,      // Euclidean
};

std::optional<Metric> MetricFromName(std::string_view name);  // "cosine", "dot", "l2"

/// The nearest of many vectors, exactly: every query is compared with all of them.
///
/// A matrix product of a block of queries with a block of vectors, then the best of each block and
/// of these the best: memory for scores is bounded (16 MB a call). 100,000 vectors f32[384] take
/// 11 to 16 ms for one query on one core, 32 queries 40 to 50 ms (tools/bench/README.md). Time
/// grows with the vectors: beyond a few hundred thousand an approximate index is worth its errors.
///
/// Threads  immutable; `Search` may be called by several at once
class VectorIndex {
 public:
  struct Nearest {
    at::Tensor rows;    // i64[queries, top], the nearest first; equal ones in order
    at::Tensor scores;  // f32[queries, top]: similarity (cosine, dot) or distance (l2)
  };

  /// `vectors` f32[n, d], n ≥ 1.
  VectorIndex(at::Tensor vectors, Metric metric);

  int64_t num_vectors() const { return vectors_.size(0); }

  /// `queries` f32[q, d]; 1 ≤ top ≤ n. A query gets the same answer alone and among others.
  Nearest Search(const at::Tensor& queries, int64_t top) const;

 private:
  at::Tensor vectors_;       // cosine: of length 1
  at::Tensor half_squares_;  // l2: f32[n], half of the squared lengths
  Metric metric_;
};

/// A store whose key is a vector; a row has the `top` nearest of those in the file.
///
/// The file has JSON lines (engine/rows/read_rows.h): a column with the name and type of the key,
/// and for each column `name: T[top, …]` that the store declares one `name: T[…]`. A column
/// `score: f32[top]` (cosine, dot: large is near) or `distance: f32[top]` (l2, and cosine, as
/// 1 - score) is how near they are. Every key has a row.
///
/// Errors   InvalidArgument for rows or columns that do not fit, or fewer rows than `top`;
///          Unavailable for a file that cannot be read
Result<std::shared_ptr<const Store>> ReadVectorIndex(const StoreSpec& spec);

}  // namespace raceway::engine
