#include "operators/models/inputs.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/data/text_tensor.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using Kind = ModelParameter::Kind;
using Kinds = std::span<const ModelParameter>;

bool IsOnceACall(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kBool || kind == Kind::kText;
}

bool IsPadded(const Padding& padding, size_t column, int64_t dim) {
  return std::any_of(
      padding.inputs.begin(), padding.inputs.end(),
      [&](const Padding::Place& place) { return place.column == column && place.dim == dim; });
}

/// Whether rows of this argument may have to go into different calls.
bool MayDiffer(const Column& arg, Kind kind) {
  if (kind == Kind::kTensor) return arg.is_ragged();
  if (!IsOnceACall(kind)) return false;
  return arg.is_text() ? !arg.text().is_repeated() : arg.dense().stride(0) != 0;
}

void AppendNumber(std::string& key, int64_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void AppendShape(const at::Tensor& row, size_t column, const Padding& padding, std::string& key) {
  AppendNumber(key, row.dim());
  for (int64_t dim = 0; dim < row.dim(); ++dim) {
    if (!IsPadded(padding, column, dim)) AppendNumber(key, row.size(dim));
  }
}

/// What rows of one call have in common of this argument.
void AppendKey(const Column& arg, Kind kind, size_t column, int64_t row, const Padding& padding,
               std::string& key) {
  if (kind == Kind::kTensor) {
    AppendShape(arg.ragged()[static_cast<size_t>(row)], column, padding, key);
  } else if (arg.is_text()) {
    const std::string_view text = arg.text()[row];
    AppendNumber(key, static_cast<int64_t>(text.size()));
    key += text;
  } else {
    const at::Tensor value = arg.Row(row);
    key.append(static_cast<const char*>(value.const_data_ptr()), value.element_size());
  }
}

/// Cuts `rows` into as few calls as can be, none of them a small rest: code may want some rows.
void AppendCalls(std::span<const int64_t> rows, int64_t max_rows,
                 std::vector<std::vector<int64_t>>& calls) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t num_calls = (count - 1) / max_rows + 1;
  for (int64_t call = 0; call < num_calls; ++call) {
    const int64_t begin = count * call / num_calls;
    const int64_t end = count * (call + 1) / num_calls;
    calls.emplace_back(rows.begin() + begin, rows.begin() + end);
  }
}

at::Tensor Padded(std::span<const at::Tensor> rows, size_t column, const Padding& padding,
                  int64_t longest) {
  std::vector<int64_t> sizes = rows.front().sizes().vec();
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    if (IsPadded(padding, column, static_cast<int64_t>(dim))) sizes[dim] = longest;
  }
  sizes.insert(sizes.begin(), static_cast<int64_t>(rows.size()));
  at::Tensor padded = at::zeros(sizes, rows.front().options());
  for (size_t row = 0; row < rows.size(); ++row) {
    at::Tensor place = padded.select(0, static_cast<int64_t>(row));
    for (int64_t dim = 0; dim < place.dim(); ++dim) {
      place = place.narrow(dim, 0, rows[row].size(dim));
    }
    place.copy_(rows[row]);
  }
  return padded;
}

/// bool[rows, longest]
at::Tensor MaskOf(std::span<const int64_t> lengths, int64_t longest) {
  const at::Tensor ends = at::tensor(std::vector<int64_t>(lengths.begin(), lengths.end()));
  return at::lt(at::arange(longest), ends.unsqueeze(1));
}

c10::IValue TensorOf(const Column& arg, size_t column, const Padding& padding, int64_t longest,
                     bool copies) {
  if (arg.is_dense()) {
    // A constant has its one row in memory; modules may want `view` to work.
    const at::Tensor& dense = arg.dense();
    if (copies) return dense.clone(at::MemoryFormat::Contiguous);
    return dense.stride(0) == 0 ? dense.contiguous() : dense;
  }
  if (longest >= 0) return Padded(arg.ragged(), column, padding, longest);
  // Rows of one call are of one shape.
  return Column::FromRows(arg.ragged(), engine::Type{}).dense();
}

c10::IValue TensorsOf(const Column& arg, bool copies) {
  c10::List<at::Tensor> rows;
  rows.reserve(static_cast<size_t>(arg.num_rows()));
  for (int64_t row = 0; row < arg.num_rows(); ++row) {
    rows.push_back(copies ? arg.Row(row).clone() : arg.Row(row));
  }
  return rows;
}

c10::IValue TextsOf(const engine::TextColumn& text) {
  c10::List<std::string> rows;
  rows.reserve(static_cast<size_t>(text.num_rows()));
  for (int64_t row = 0; row < text.num_rows(); ++row) rows.push_back(std::string(text[row]));
  return rows;
}

c10::IValue TextListsOf(const engine::TextColumn& text) {
  c10::List<c10::List<std::string>> rows;
  for (int64_t row = 0; row < text.num_rows(); ++row) {
    c10::List<std::string> elements;
    const engine::TextTensor tensor = engine::UnpackOrEmpty(text[row]);
    for (const std::string_view element : tensor.elements) {
      elements.push_back(std::string(element));
    }
    rows.push_back(std::move(elements));
  }
  return rows;
}

template <typename T>
c10::IValue NumbersOf(const at::Tensor& dense) {
  const at::Tensor numbers = dense.to(c10::CppTypeToScalarType<T>::value).contiguous();
  c10::List<T> rows;
  rows.reserve(static_cast<size_t>(numbers.numel()));
  for (int64_t i = 0; i < numbers.numel(); ++i) rows.push_back(numbers.const_data_ptr<T>()[i]);
  return rows;
}

}  // namespace

engine::Field MaskField() {
  return {"mask", {engine::DataType::kBool, {engine::Dim::Symbol("_")}, false}};
}

std::vector<std::vector<int64_t>> RowsByCall(std::span<const Column> args, Kinds parameters,
                                             const Padding& padding, int64_t num_rows,
                                             int64_t max_rows) {
  std::vector<size_t> differing;
  for (size_t i = 0; i < args.size(); ++i) {
    if (MayDiffer(args[i], parameters[i].kind)) differing.push_back(i);
  }
  if (num_rows == 1 || (differing.empty() && num_rows <= max_rows)) return {};
  std::map<std::string, std::vector<int64_t>> groups;
  std::string key;
  for (int64_t row = 0; row < num_rows; ++row) {
    key.clear();
    for (const size_t i : differing) {
      AppendKey(args[i], parameters[i].kind, i, row, padding, key);
    }
    groups[key].push_back(row);
  }
  if (groups.size() == 1 && num_rows <= max_rows) return {};
  std::vector<std::vector<int64_t>> calls;
  calls.reserve(groups.size());
  for (const auto& [shapes, rows] : groups) AppendCalls(rows, max_rows, calls);
  return calls;
}

std::string CallKey(std::span<const Column> args, Kinds parameters, const Padding& padding) {
  std::string key;
  for (size_t i = 0; i < args.size(); ++i) {
    const Kind kind = parameters[i].kind;
    if (kind == Kind::kTensor) {
      const at::Tensor row = args[i].Row(0);
      AppendNumber(key, static_cast<int64_t>(row.scalar_type()));
      AppendShape(row, i, padding, key);
    } else if (IsOnceACall(kind)) {
      AppendKey(args[i], kind, i, 0, padding, key);
    }
  }
  return key;
}

Result<std::vector<int64_t>> LengthsOf(std::span<const Column> args, const Padding& padding,
                                       int64_t num_rows) {
  std::vector<int64_t> lengths(static_cast<size_t>(num_rows), -1);
  for (const Padding::Place& place : padding.inputs) {
    for (int64_t row = 0; row < num_rows; ++row) {
      const Column& arg = args[place.column];
      const int64_t length = arg.is_dense()
                                 ? arg.dense().size(place.dim + 1)
                                 : arg.ragged()[static_cast<size_t>(row)].size(place.dim);
      int64_t& known = lengths[static_cast<size_t>(row)];
      if (known >= 0 && known != length) {
        return Error{.code = ErrorCode::kFailed,
                     .message = "the padded dimension is " + std::to_string(known) + " and " +
                                std::to_string(length) + " in one row",
                     .row_id = row};
      }
      known = length;
    }
  }
  return lengths;
}

std::vector<c10::IValue> InputsOf(std::span<const Column> args, Kinds parameters,
                                  const Padding& padding, std::span<const int64_t> lengths,
                                  bool copies) {
  const int64_t longest = padding.is_on() ? *std::max_element(lengths.begin(), lengths.end()) : -1;
  std::vector<c10::IValue> inputs;
  inputs.reserve(args.size() + 1);
  for (size_t i = 0; i < args.size(); ++i) {
    const Column& arg = args[i];
    switch (parameters[i].kind) {
      case Kind::kOther:
      case Kind::kTensor: inputs.push_back(TensorOf(arg, i, padding, longest, copies)); break;
      case Kind::kTensors: inputs.push_back(TensorsOf(arg, copies)); break;
      case Kind::kTexts: inputs.push_back(TextsOf(arg.text())); break;
      case Kind::kTextLists: inputs.push_back(TextListsOf(arg.text())); break;
      case Kind::kInts: inputs.push_back(NumbersOf<int64_t>(arg.dense())); break;
      case Kind::kFloats: inputs.push_back(NumbersOf<double>(arg.dense())); break;
      case Kind::kBools: inputs.push_back(NumbersOf<bool>(arg.dense())); break;
      case Kind::kInt: inputs.emplace_back(arg.Row(0).item().toLong()); break;
      case Kind::kFloat: inputs.emplace_back(arg.Row(0).item().toDouble()); break;
      case Kind::kBool: inputs.emplace_back(arg.Row(0).item().toBool()); break;
      case Kind::kText: inputs.emplace_back(std::string(arg.text()[0])); break;
    }
  }
  if (padding.is_on()) inputs.emplace_back(MaskOf(lengths, longest));
  return inputs;
}

}  // namespace raceway::operators
