#include "operators/columns/text.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Result;
using engine::TextBuilder;
using engine::TextColumn;

int64_t NumCodePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // all but continuations
  });
}

/// `letter` and the 25 after it become those that start at `to`.
Column MapLetters(const ColumnCall& call, char letter, char to) {
  const TextColumn& text = call.args[0].text();
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    for (const char c : text[row]) {
      const bool is_letter = c >= letter && c < letter + 26;
      builder.buffer() += is_letter ? static_cast<char>(c - letter + to) : c;
    }
    builder.EndRow();
  }
  return std::move(builder).Build();
}

}  // namespace

Result<Column> Len(const ColumnCall& call) {
  const TextColumn& text = call.args[0].text();
  at::Tensor result = at::empty({call.num_rows}, at::kLong);
  int64_t* out = result.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < call.num_rows; ++row) out[row] = NumCodePoints(text[row]);
  return Column(std::move(result));
}

Result<Column> Lower(const ColumnCall& call) { return MapLetters(call, 'A', 'a'); }
Result<Column> Upper(const ColumnCall& call) { return MapLetters(call, 'a', 'A'); }

Result<Column> ConcatTexts(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    for (const Column& arg : call.args) builder.buffer() += arg.text()[row];
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

}  // namespace raceway::operators
