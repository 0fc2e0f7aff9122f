#include <cassert>
#include <memory>
#include <utility>

#include "engine/data/column.h"

namespace raceway::engine {

TextColumn TextColumn::Of(std::span<const std::string> rows) {
  size_t num_bytes = 0;
  for (const std::string& row : rows) num_bytes += row.size();
  TextBuilder builder(static_cast<int64_t>(rows.size()), num_bytes);
  for (const std::string& row : rows) builder.Append(row);
  return std::move(builder).Build();
}

TextColumn TextColumn::Repeat(std::string_view text, int64_t num_rows) {
  TextBuilder builder(1, text.size());
  builder.Append(text);
  TextColumn column = std::move(builder).Build();
  column.num_rows_ = num_rows;
  column.is_repeated_ = true;
  return column;
}

std::string_view TextColumn::operator[](int64_t row) const {
  assert(row >= 0 && row < num_rows_);
  const auto at = static_cast<size_t>(is_repeated_ ? first_ : first_ + row);
  const int64_t begin = data_->offsets[at];
  return std::string_view(data_->buffer)
      .substr(static_cast<size_t>(begin), static_cast<size_t>(data_->offsets[at + 1] - begin));
}

TextColumn TextColumn::Slice(int64_t begin, int64_t end) const {
  assert(begin >= 0 && begin <= end && end <= num_rows_);
  TextColumn slice = *this;
  if (!is_repeated_) slice.first_ += begin;
  slice.num_rows_ = end - begin;
  return slice;
}

TextBuilder::TextBuilder(int64_t num_rows, size_t num_bytes)
    : data_(std::make_shared<TextColumn::Data>()) {
  data_->buffer.reserve(num_bytes);
  data_->offsets.reserve(static_cast<size_t>(num_rows) + 1);
  data_->offsets.push_back(0);
}

void TextBuilder::Append(std::string_view row) {
  data_->buffer.append(row);
  EndRow();
}

TextColumn TextBuilder::Build() && {
  TextColumn column;
  column.num_rows_ = static_cast<int64_t>(data_->offsets.size()) - 1;
  column.data_ = std::move(data_);
  return column;
}

}  // namespace raceway::engine
