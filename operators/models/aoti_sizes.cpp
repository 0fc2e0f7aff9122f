#include "operators/models/aoti_sizes.h"

#include <charconv>
#include <utility>

#include "engine/data/column.h"

namespace raceway::operators {
namespace {

constexpr std::pair<std::string_view, at::ScalarType> kDtypes[] = {
    {"float32", at::kFloat},     {"float64", at::kDouble}, {"float16", at::kHalf},
    {"bfloat16", at::kBFloat16}, {"int64", at::kLong},     {"int32", at::kInt},
    {"int16", at::kShort},       {"int8", at::kChar},      {"uint8", at::kByte},
    {"bool", at::kBool},
};

std::optional<int64_t> NumberAt(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

/// What stands between `before` and `after` in `text`; empty if that does not.
std::string_view Between(std::string_view text, std::string_view before, std::string_view after) {
  const size_t begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + before.size());
  return text.substr(0, text.find(after));
}

/// Of one function `check_input_N`.
class CheckReader {
 public:
  /// False for a check that we do not know.
  bool Read(std::string_view body) {
    const std::string_view dtype = Between(body, "expected_dtype = aoti_torch_dtype_", "(");
    bool has_dtype = false;
    for (const auto& [name, type] : kDtypes) {
      if (name != dtype) continue;
      input_.dtype = type;
      has_dtype = true;
    }
    while (has_dtype && !body.empty()) {
      const size_t end = std::min(body.find('\n'), body.size());
      const std::string_view line = body.substr(0, end);
      body.remove_prefix(std::min(end + 1, body.size()));
      const std::string_view condition = Between(line, "    if (", ") {");
      if (!condition.empty() && !ReadCondition(condition)) return false;
    }
    return has_dtype;
  }

  AotiInput Take() { return std::move(input_); }

 private:
  /// `4 != a_size[1]`, `a_size[0] < 2`, `a_size[0] > 64`, `1 != a_stride[0]`
  bool ReadCondition(std::string_view condition) {
    if (condition.find("_expected_") != std::string_view::npos) return true;  // dtype and device
    const std::optional<int64_t> dim = NumberAt(Between(condition, "[", "]"));
    if (!dim || *dim < 0 || *dim > 64) return false;
    if (input_.dims.size() <= static_cast<size_t>(*dim)) {
      input_.dims.resize(static_cast<size_t>(*dim) + 1);
    }
    AotiInput::Dim& known = input_.dims[static_cast<size_t>(*dim)];
    const bool is_size = condition.find("_size[") != std::string_view::npos;
    if (const size_t differs = condition.find(" != "); differs != std::string_view::npos) {
      const std::optional<int64_t> number = NumberAt(condition);
      if (!number) return false;
      if (is_size) known.min = known.max = *number;
      if (!is_size) known.stride = number;
      return is_size || condition.find("_stride[") != std::string_view::npos;
    }
    const std::string_view rest = Between(condition, "] ", ")");
    const std::optional<int64_t> limit = NumberAt(rest.substr(std::min<size_t>(2, rest.size())));
    if (!limit || !is_size) return false;
    if (rest.starts_with("< ")) {
      // Exporting never tells a dimension of 1 from one of 2 or more: code for 2 does for 1, not
      // for 0.
      known.min = *limit == 2 ? 1 : *limit;
      return true;
    }
    known.max = *limit;
    return rest.starts_with("> ");
  }

  AotiInput input_;
};

}  // namespace

std::string ToString(const AotiInput& input) {
  const engine::DataType dtype = engine::DataTypeOf(input.dtype);
  std::string text(NameOf(dtype));
  for (size_t i = 0; i < input.dims.size(); ++i) {
    const AotiInput::Dim& dim = input.dims[i];
    text += i == 0 ? "[" : ", ";
    text += dim.is_fixed() ? std::to_string(dim.min) : i == 0 ? "rows" : "_";
  }
  return input.dims.empty() ? text : text + "]";
}

std::string Misfit(const AotiInput& input, const at::Tensor& tensor) {
  const auto wrong = [&](const std::string& what) {
    return what + ", compiled for " + ToString(input);
  };
  if (tensor.scalar_type() != input.dtype) {
    return wrong("is " + std::string(NameOf(engine::DataTypeOf(tensor.scalar_type()))));
  }
  if (tensor.dim() != static_cast<int64_t>(input.dims.size())) {
    return wrong("has " + std::to_string(tensor.dim()) + " dimensions with the rows");
  }
  for (size_t i = 0; i < input.dims.size(); ++i) {
    const AotiInput::Dim& dim = input.dims[i];
    const int64_t size = tensor.size(static_cast<int64_t>(i));
    const std::string what = "has " + std::to_string(size) +
                             (i == 0 ? " rows" : " in dimension " + std::to_string(i - 1));
    if (dim.is_fixed() && size != dim.min) return wrong(what);
    if (size < dim.min) return what + ", compiled for " + std::to_string(dim.min) + " or more";
    if (size > dim.max) return what + ", compiled for " + std::to_string(dim.max) + " at most";
  }
  // Other sizes have other strides as well: they come first.
  for (size_t i = 0; i < input.dims.size(); ++i) {
    const std::optional<int64_t>& stride = input.dims[i].stride;
    const auto at = static_cast<int64_t>(i);
    if (stride && tensor.size(at) > 1 && tensor.stride(at) != *stride) {
      return wrong("lies in memory in another order");
    }
  }
  return {};
}

std::optional<std::vector<AotiInput>> InputsOfWrapper(std::string_view source) {
  std::vector<AotiInput> inputs;
  while (true) {
    const std::string name = "static void check_input_" + std::to_string(inputs.size()) + "(";
    const size_t begin = source.find(name);
    if (begin == std::string_view::npos) break;
    const std::string_view body = Between(source.substr(begin), "{", "\n}");
    CheckReader reader;
    if (!reader.Read(body)) return std::nullopt;
    inputs.push_back(reader.Take());
  }
  // Each input is checked in a call of `__check_inputs_outputs`.
  const std::string_view calls = Between(source, "static void __check_inputs_outputs(", "\n}");
  size_t num_calls = 0;
  for (size_t at = calls.find("check_input_"); at != std::string_view::npos;
       at = calls.find("check_input_", at + 1)) {
    ++num_calls;
  }
  if (inputs.empty() || num_calls != inputs.size()) return std::nullopt;
  return inputs;
}

}  // namespace raceway::operators
