#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/column.h"
#include "engine/data/schema.h"
#include "engine/result.h"

/// How keys and rows lie in a database. Numbers are little-endian, as in memory.
///
/// A row is a table of 8-byte words, then the data. For each column that is not the key, in the
/// order of the schema: where its data begin (all ones: it has no value); then, of a text, how many
/// bytes it has, of a tensor whose type leaves sizes open, its sizes. Tensors begin at multiples
/// of 64, scalars of 8. So a row that is read into memory at a multiple of 64 is decoded already.
namespace raceway::engine {

/// What a row has of one column.
struct Cell {
  bool is_null = false;
  std::string_view data;  // the bytes of a text, a scalar or a tensor
  at::Tensor tensor;      // over these bytes; of types that are neither text nor scalar
};

/// One row in memory. Its tensors may be handed out: they keep the memory, not the row.
struct StoredRow {
  at::Tensor bytes;         // u8[n], at a multiple of 64
  std::vector<Cell> cells;  // of each column but the key

  int64_t num_bytes() const { return bytes.numel(); }
};
using StoredRowPtr = std::shared_ptr<const StoredRow>;

/// Writes and reads rows of one schema. Immutable.
class RowCodec {
 public:
  /// The first column of `schema` is the key.
  explicit RowCodec(Schema schema) : schema_(std::move(schema)) {}

  const Schema& schema() const { return schema_; }

  /// Row `row` of `rows`, which have the schema, as bytes in place of those in `out`.
  void Encode(const Batch& rows, int64_t row, std::string& out) const;

  /// Copies `bytes` once; nothing of the result points into them.
  ///
  /// Errors   Failed for bytes that are no row of the schema
  Result<StoredRowPtr> Decode(std::string_view bytes) const;

 private:
  Schema schema_;
};

/// Keys as bytes, whose order is that of the keys (of u64 above 2^63: before all others).
std::vector<std::string> EncodeKeys(const Column& keys);

/// Cells of many rows as the column `type`, which they fit; null for rows that are not there, which
/// may hold anything. One row, and rows of open sizes, are handed out; rows of a fixed size are
/// copied, once, into one tensor.
Column ColumnOfCells(std::span<const StoredRowPtr> rows, size_t cell, const Type& type);

}  // namespace raceway::engine
