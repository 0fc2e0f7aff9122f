#include "engine/store/row_codec.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "engine/data/longs.h"
#include "engine/data/text_tensor.h"

namespace raceway::engine {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint64_t kNoValue = ~uint64_t{0};
constexpr size_t kTensorAlignment = 64;
constexpr size_t kScalarAlignment = 8;

bool HasOpenSizes(const Type& type) { return !IsText(type.dtype) && !type.is_fixed(); }

/// How many words the table has for a column.
size_t NumWords(const Type& type) {
  return 1 + (IsText(type.dtype) ? 1 : HasOpenSizes(type) ? type.shape.size() : 0);
}

size_t AlignmentOf(const Type& type) {
  if (IsText(type.dtype)) return 1;
  return type.is_scalar() ? kScalarAlignment : kTensorAlignment;
}

size_t RoundUp(size_t size, size_t alignment) { return (size + alignment - 1) & ~(alignment - 1); }

/// The bytes of an element, which has the size of its tensor type.
size_t ElementSize(const Type& type) { return c10::elementSize(ScalarTypeOf(type.dtype)); }

/// The words at the beginning of a row that is written.
class TableWriter {
 public:
  TableWriter(std::string& out, size_t num_words) : out_(out) { out_.assign(num_words * 8, '\0'); }
  void Add(uint64_t word) {
    std::memcpy(out_.data() + next_, &word, 8);
    next_ += 8;
  }
  void Skip(size_t num_words) { next_ += num_words * 8; }

 private:
  std::string& out_;
  size_t next_ = 0;
};

/// The same of a row that is read. Words that are not there read as `kNoValue`.
class TableReader {
 public:
  explicit TableReader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t Next() {
    uint64_t word = kNoValue;
    if (next_ + 8 <= bytes_.size()) std::memcpy(&word, bytes_.data() + next_, 8);
    next_ += 8;
    return word;
  }
  void Skip(size_t num_words) { next_ += num_words * 8; }

 private:
  std::string_view bytes_;
  size_t next_ = 0;
};

/// The sizes of a tensor in the row, and how many bytes it has; nothing if they cannot be.
struct Sizes {
  std::vector<int64_t> sizes;
  size_t num_bytes = 0;
};

std::optional<Sizes> ReadSizes(const Type& type, TableReader& table) {
  Sizes read;
  // As if no size were 0: LibTorch counts strides so, of tensors without elements too.
  int64_t span = static_cast<int64_t>(ElementSize(type));
  bool is_empty = false;
  const bool is_open = HasOpenSizes(type);
  for (const Dim& dim : type.shape) {
    const uint64_t size = is_open ? table.Next() : static_cast<uint64_t>(dim.size);
    if (dim.is_size() && size != static_cast<uint64_t>(dim.size)) return std::nullopt;
    if (__builtin_mul_overflow(span, std::max<uint64_t>(size, 1), &span)) return std::nullopt;
    is_empty |= size == 0;
    read.sizes.push_back(static_cast<int64_t>(size));
  }
  read.num_bytes = is_empty ? 0 : static_cast<size_t>(span);
  return read;
}

/// `data` as one part of `bytes`, which are all of the row.
at::Tensor View(const at::Tensor& bytes, size_t begin, const Sizes& sizes, const Type& type) {
  const auto length = static_cast<int64_t>(sizes.num_bytes);
  if (length == 0) return at::empty(sizes.sizes, ScalarTypeOf(type.dtype));
  return bytes.narrow(0, static_cast<int64_t>(begin), length)
      .view(ScalarTypeOf(type.dtype))
      .view(sizes.sizes);
}

bool IsTextOf(const Type& type, std::string_view data) {
  if (type.is_scalar()) return true;
  const std::string rows[] = {std::string(data)};
  return Column(TextColumn::Of(rows)).CheckType(type).ok();
}

/// Nothing if the bytes do not hold it.
std::optional<Cell> ReadCell(const Type& type, const at::Tensor& bytes, std::string_view all,
                             TableReader& table) {
  Cell cell;
  const uint64_t begin = table.Next();
  if (begin == kNoValue) {
    if (!type.optional) return std::nullopt;
    table.Skip(NumWords(type) - 1);
    cell.is_null = true;
    return cell;
  }
  if (begin > all.size() || begin % AlignmentOf(type) != 0) return std::nullopt;
  Sizes sizes;
  if (IsText(type.dtype)) {
    sizes.num_bytes = table.Next();
  } else {
    std::optional<Sizes> read = ReadSizes(type, table);
    if (!read) return std::nullopt;
    sizes = *std::move(read);
  }
  if (sizes.num_bytes > all.size() - begin) return std::nullopt;
  cell.data = all.substr(begin, sizes.num_bytes);
  if (IsText(type.dtype)) return IsTextOf(type, cell.data) ? std::optional(cell) : std::nullopt;
  if (!type.is_scalar()) cell.tensor = View(bytes, begin, sizes, type);
  return cell;
}

/// bool[rows], false where the row has no value; undefined where all that are there have one.
at::Tensor ValidityOf(std::span<const StoredRowPtr> rows, size_t cell) {
  const auto is_null = [&](const StoredRowPtr& row) { return row && row->cells[cell].is_null; };
  if (std::none_of(rows.begin(), rows.end(), is_null)) return {};
  at::Tensor validity = at::empty({static_cast<int64_t>(rows.size())}, at::kBool);
  std::transform(rows.begin(), rows.end(), validity.mutable_data_ptr<bool>(),
                 [&](const StoredRowPtr& row) { return !is_null(row); });
  return validity;
}

bool HasValue(const StoredRowPtr& row, size_t cell) { return row && !row->cells[cell].is_null; }

Column TextsOf(std::span<const StoredRowPtr> rows, size_t cell) {
  size_t num_bytes = 0;
  for (const StoredRowPtr& row : rows) num_bytes += row ? row->cells[cell].data.size() : 0;
  TextBuilder builder(static_cast<int64_t>(rows.size()), num_bytes);
  for (const StoredRowPtr& row : rows) builder.Append(row ? row->cells[cell].data : "");
  return std::move(builder).Build();
}

/// Rows of one size, one after another in one tensor.
Column StackOf(std::span<const StoredRowPtr> rows, size_t cell, const Type& type) {
  std::vector<int64_t> sizes = {static_cast<int64_t>(rows.size())};
  for (const Dim& dim : type.shape) sizes.push_back(dim.size);
  at::Tensor stack = at::empty(sizes, ScalarTypeOf(type.dtype));
  char* out = static_cast<char*>(stack.mutable_data_ptr());
  const size_t row_bytes = stack.nbytes() / rows.size();
  if (row_bytes == 0) return stack;
  for (const StoredRowPtr& row : rows) {
    if (HasValue(row, cell)) {
      std::memcpy(out, row->cells[cell].data.data(), row_bytes);
    } else {
      std::memset(out, 0, row_bytes);
    }
    out += row_bytes;
  }
  return stack;
}

Column HandedOut(std::span<const StoredRowPtr> rows, size_t cell, const Type& type) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(rows.size());
  at::Tensor filling;
  for (const StoredRowPtr& row : rows) {
    if (HasValue(row, cell)) {
      tensors.push_back(row->cells[cell].tensor);
      continue;
    }
    if (!filling.defined()) filling = Column::Nulls(type, 1).Row(0);
    tensors.push_back(filling);
  }
  return Column(std::move(tensors));
}

}  // namespace

void RowCodec::Encode(const Batch& rows, int64_t row, std::string& out) const {
  size_t num_words = 0;
  for (size_t i = 1; i < schema_.size(); ++i) num_words += NumWords(schema_[i].type);
  TableWriter table(out, num_words);
  for (size_t i = 1; i < schema_.size(); ++i) {
    const Type& type = schema_[i].type;
    const Column& column = rows.column(i);
    if (column.is_null(row)) {
      table.Add(kNoValue);
      table.Skip(NumWords(type) - 1);
      continue;
    }
    out.resize(RoundUp(out.size(), AlignmentOf(type)));
    table.Add(out.size());
    if (IsText(type.dtype)) {
      const std::string_view text = column.text()[row];
      table.Add(text.size());
      out.append(text);
      continue;
    }
    const at::Tensor tensor = column.Row(row).contiguous();
    if (HasOpenSizes(type)) {
      for (const int64_t size : tensor.sizes()) table.Add(static_cast<uint64_t>(size));
    }
    out.append(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  }
}

Result<StoredRowPtr> RowCodec::Decode(std::string_view bytes) const {
  const c10::InferenceMode inference;
  auto row = std::make_shared<StoredRow>();
  row->bytes = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  char* const copy = static_cast<char*>(row->bytes.mutable_data_ptr());
  std::copy(bytes.begin(), bytes.end(), copy);  // there may be none
  const std::string_view all(copy, bytes.size());
  TableReader table(all);
  row->cells.reserve(schema_.size() - 1);
  for (size_t i = 1; i < schema_.size(); ++i) {
    std::optional<Cell> cell = ReadCell(schema_[i].type, row->bytes, all, table);
    if (!cell) {
      return Error{ErrorCode::kFailed, "`" + schema_[i].name + "` is damaged (no " +
                                           ToString(schema_[i].type) + " in " +
                                           std::to_string(bytes.size()) + " bytes)"};
    }
    row->cells.push_back(*std::move(cell));
  }
  return StoredRowPtr(std::move(row));
}

std::vector<std::string> EncodeKeys(const Column& keys) {
  std::vector<std::string> encoded;
  encoded.reserve(static_cast<size_t>(keys.num_rows()));
  if (keys.is_text()) {
    for (int64_t row = 0; row < keys.num_rows(); ++row) encoded.emplace_back(keys.text()[row]);
    return encoded;
  }
  const at::Tensor numbers = Longs(keys.dense());
  const int64_t* data = numbers.const_data_ptr<int64_t>();
  for (int64_t row = 0; row < keys.num_rows(); ++row) {
    // Big-endian with the sign turned around: sorted as the numbers are.
    const uint64_t word = __builtin_bswap64(static_cast<uint64_t>(data[row]) ^ (uint64_t{1} << 63));
    encoded.emplace_back(reinterpret_cast<const char*>(&word), 8);
  }
  return encoded;
}

Column ColumnOfCells(std::span<const StoredRowPtr> rows, size_t cell, const Type& type) {
  const c10::InferenceMode inference;
  const at::Tensor validity = ValidityOf(rows, cell);
  const bool is_one = rows.size() == 1 && HasValue(rows[0], cell);
  Column column;
  if (rows.empty()) {
    column = Column::Empty(type);
  } else if (IsText(type.dtype)) {
    column = TextsOf(rows, cell);
  } else if (is_one && !type.is_scalar()) {
    column = rows[0]->cells[cell].tensor.unsqueeze(0);
  } else if (type.is_fixed()) {
    column = StackOf(rows, cell, type);
  } else {
    column = HandedOut(rows, cell, type);
  }
  return validity.defined() ? column.WithValidity(validity) : column;
}

}  // namespace raceway::engine
