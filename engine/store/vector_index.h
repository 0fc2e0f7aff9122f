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
/// A matrix product (l2: differences, which take longer and lose no digits far from the origin) of
/// the queries with a block of vectors, then the best of each block and of these the best: at most
/// 16 MB of scores are there at once, besides what is found. By dot product 100,000 vectors
/// f32[384] take 11 to 16 ms for one query on one core, 32 queries 40 to 50 ms
/// (tools/bench/README.md). Time grows with the vectors: beyond a few hundred thousand an
/// approximate index is worth its errors.
///
/// Threads  immutable; `Search` may be called by several at once
class VectorIndex {
 public:
  struct Nearest {
    at::Tensor rows;    // i64[queries, top], the nearest first; equally near ones by row
    at::Tensor scores;  // f32[queries, top]: similarity (cosine, dot) or distance (l2)
  };

  static constexpr int64_t kMostQueries = 256;  // of one call

  /// `vectors` f32[n, d], n ≥ 1. Kept as they are; for cosine a copy of length 1 is.
  VectorIndex(at::Tensor vectors, Metric metric);

  int64_t num_vectors() const { return vectors_.size(0); }

  /// `queries` f32[q, d], 1 ≤ q ≤ kMostQueries; 1 ≤ top ≤ n. Alone and among others a query gets
  /// the same scores up to rounding. Where more are equally near than there is room for, it may be
  /// any of them.
  Nearest Search(const at::Tensor& queries, int64_t top) const;

 private:
  /// f32[q, m], the greater the nearer.
  at::Tensor Nearness(const at::Tensor& queries, const at::Tensor& vectors) const;

  at::Tensor vectors_;  // cosine: of length 1
  Metric metric_;
};

/// A store whose key is a vector; a row has the `top` nearest of those in the file.
///
/// The file has JSON lines (engine/rows/read_rows.h): a column with the name and type of the key,
/// and for each column `name: T[top, …]` that the store declares one `name: T[…]`. A column
/// `score: f32[top]` (cosine, dot: large is near) or `distance: f32[top]` (l2, and cosine, as
/// 1 - score) is how near they are; columns of text are `string[top]`. Every key has a row.
///
/// Errors   InvalidArgument for rows or columns that do not fit, or fewer rows than `top`;
///          Unavailable for a file that cannot be read
Result<std::shared_ptr<const Store>> ReadVectorIndex(const StoreSpec& spec);

}  // namespace raceway::engine
