#include "operators/columns/text_tensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/text_tensor.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::TextBuilder;
using engine::TextTensor;
using Elements = std::span<const std::string_view>;
using Sizes = std::span<const int64_t>;

TextTensor TensorAt(const Column& column, int64_t row) {
  return engine::UnpackOrEmpty(column.text()[row]);
}

/// The number of this row.
int64_t NumberAt(const Column& numbers, int64_t row) {
  return numbers.dense().const_data_ptr<int64_t>()[row * numbers.dense().stride(0)];
}

Error NoPlace(int64_t place, size_t dim, int64_t size, int64_t row) {
  return {.code = ErrorCode::kFailed,
          .message = "there is no place " + std::to_string(place) + ": dimension " +
                     std::to_string(dim) + " has size " + std::to_string(size),
          .row_id = row};
}

/// How many elements there are for each place of the first dimension.
size_t Stride(Sizes shape) {
  size_t stride = 1;
  for (const int64_t size : shape.subspan(1)) stride *= static_cast<size_t>(size);
  return stride;
}

}  // namespace

Result<Column> IndexTexts(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const TextTensor x = TensorAt(call.args[0], row);
    Sizes shape = x.shape;
    Elements elements = x.elements;
    for (size_t i = 1; i < call.args.size(); ++i) {
      const int64_t place = NumberAt(call.args[i], row);
      if (place < 0 || place >= shape.front()) return NoPlace(place, i, shape.front(), row);
      const size_t stride = Stride(shape);
      elements = elements.subspan(static_cast<size_t>(place) * stride, stride);
      shape = shape.subspan(1);
    }
    if (shape.empty()) {
      builder.buffer() += elements.front();
    } else {
      engine::Pack(shape, elements, builder.buffer());
    }
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

Result<Column> ShapeOfTexts(const ColumnCall& call) {
  const int64_t rank = call.type.shape.front().size;
  at::Tensor shapes = at::empty({call.num_rows, rank}, at::kLong);
  int64_t* out = shapes.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    for (const int64_t size : TensorAt(call.args[0], row).shape) *out++ = size;
  }
  return Column(std::move(shapes));
}

Result<Column> TakeTexts(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const TextTensor x = TensorAt(call.args[0], row);
    const at::Tensor places = call.args[1].Row(row).contiguous();
    const int64_t* place = places.const_data_ptr<int64_t>();
    const size_t stride = Stride(x.shape);
    std::vector<std::string_view> taken;
    for (int64_t i = 0; i < places.numel(); ++i) {
      if (place[i] < 0 || place[i] >= x.shape[0]) return NoPlace(place[i], 1, x.shape[0], row);
      const Elements some =
          Elements(x.elements).subspan(static_cast<size_t>(place[i]) * stride, stride);
      taken.insert(taken.end(), some.begin(), some.end());
    }
    std::vector<int64_t> shape = places.sizes().vec();
    shape.insert(shape.end(), x.shape.begin() + 1, x.shape.end());
    engine::Pack(shape, taken, builder.buffer());
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

Result<Column> SliceTexts(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    TextTensor x = TensorAt(call.args[0], row);
    const int64_t from = NumberAt(call.args[1], row);
    const int64_t to = NumberAt(call.args[2], row);
    if (from < 0 || from > to || to > x.shape[0]) {
      return Error{.code = ErrorCode::kFailed,
                   .message = "there are no places " + std::to_string(from) + " to " +
                              std::to_string(to) + ": dimension 1 has size " +
                              std::to_string(x.shape[0]),
                   .row_id = row};
    }
    const size_t stride = Stride(x.shape);
    x.shape[0] = to - from;
    engine::Pack(
        x.shape,
        Elements(x.elements)
            .subspan(static_cast<size_t>(from) * stride, static_cast<size_t>(to - from) * stride),
        builder.buffer());
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

Result<Column> InTexts(const ColumnCall& call) {
  at::Tensor result = at::empty({call.num_rows}, at::kBool);
  bool* out = result.mutable_data_ptr<bool>();
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const TextTensor set = TensorAt(call.args[1], row);
    const std::string_view value = call.args[0].text()[row];
    out[row] = std::find(set.elements.begin(), set.elements.end(), value) != set.elements.end();
  }
  return Column(std::move(result));
}

Result<Column> ListTexts(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  const std::vector<int64_t> shape = {static_cast<int64_t>(call.args.size())};
  std::vector<std::string_view> elements(call.args.size());
  for (int64_t row = 0; row < call.num_rows; ++row) {
    for (size_t i = 0; i < elements.size(); ++i) elements[i] = call.args[i].text()[row];
    engine::Pack(shape, elements, builder.buffer());
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

Result<Column> ConcatTextTensors(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    TextTensor all = TensorAt(call.args[0], row);
    for (const Column& arg : call.args.subspan(1)) {
      const TextTensor more = TensorAt(arg, row);
      if (!std::equal(all.shape.begin() + 1, all.shape.end(), more.shape.begin() + 1,
                      more.shape.end())) {
        return Error{.code = ErrorCode::kFailed,
                     .message = "the shapes of what is put together differ",
                     .row_id = row};
      }
      all.shape[0] += more.shape[0];
      all.elements.insert(all.elements.end(), more.elements.begin(), more.elements.end());
    }
    engine::Pack(all.shape, all.elements, builder.buffer());
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

Result<Column> Lines(const ColumnCall& call) {
  TextBuilder builder(call.num_rows);
  for (int64_t row = 0; row < call.num_rows; ++row) {
    const TextTensor lines = TensorAt(call.args[0], row);
    for (size_t i = 0; i < lines.elements.size(); ++i) {
      if (i > 0) builder.buffer() += '\n';
      builder.buffer() += lines.elements[i];
    }
    builder.EndRow();
  }
  return Column(std::move(builder).Build());
}

}  // namespace raceway::operators
