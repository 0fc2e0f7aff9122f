// What compiled code says of its constants.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "engine/load/aoti_source.h"

namespace raceway::engine::load {
namespace {

constexpr std::string_view kMember = "constants_info_[";
constexpr size_t kMaxConstants = size_t{1} << 20;

Error NotKnown(std::string_view line) {
  return {ErrorCode::kUnsupported,
          "has constants in a form that is not known: `" + std::string(line.substr(0, 80)) + "`"};
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// Of `{64, 32}` or `{}`.
std::optional<std::vector<int64_t>> Numbers(std::string_view text) {
  if (!text.starts_with('{') || !text.ends_with('}')) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<int64_t> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find(", "), text.size());
    const std::optional<int64_t> number = Number(text.substr(0, end));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return numbers;
}

/// What stands between `before` and `after`, which are its ends; empty for another text.
std::string_view Inside(std::string_view text, std::string_view before, std::string_view after) {
  if (text.size() < before.size() + after.size() || !text.starts_with(before) ||
      !text.ends_with(after)) {
    return {};
  }
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

/// `dtype = cached_torch_dtype_float32`. False for what is not known.
bool Take(AotiConstant& constant, std::string_view member, std::string_view value) {
  if (member == "original_fqn") {
    constant.name = Inside(value, "\"", "\"");
    return !constant.name.empty() && constant.name.find_first_of("\"\\") == std::string::npos;
  }
  if (member == "dtype") {
    const auto dtype = FromCppName(Inside(value, "cached_torch_dtype_", ""));
    if (dtype) constant.dtype = *dtype;
    return dtype.has_value();
  }
  if (member == "shape" || member == "stride") {
    auto numbers = Numbers(value);
    if (!numbers) return false;
    (member == "shape" ? constant.sizes : constant.strides) = *std::move(numbers);
    return true;
  }
  if (member == "data_size") {
    const std::optional<int64_t> number = Number(value);
    if (number) constant.num_bytes = static_cast<uint64_t>(*number);
    return number.has_value();
  }
  if (member == "from_folded") {
    constant.is_folded = value == "true";
    return constant.is_folded || value == "false";
  }
  // The others say what follows from these, or nothing about bytes.
  return (member == "layout" && value.find("cached_torch_layout_strided") != value.npos) ||
         (member == "offset" && value == "0") || member == "name" || member == "type" ||
         member == "device_type";
}

}  // namespace

Result<std::vector<AotiConstant>> ConstantsOfWrapper(std::string_view source) {
  std::vector<AotiConstant> constants;
  while (!source.empty()) {
    const size_t length = std::min(source.find('\n'), source.size());
    std::string_view line = source.substr(0, length);
    source.remove_prefix(std::min(length + 1, source.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (!line.starts_with(kMember)) continue;
    const size_t close = line.find("].");
    const size_t equals = line.find(" = ");
    if (close == line.npos || equals == line.npos || equals < close || !line.ends_with(';')) {
      return NotKnown(line);
    }
    const auto index = Number(line.substr(kMember.size(), close - kMember.size()));
    const std::string_view member = line.substr(close + 2, equals - close - 2);
    const std::string_view value = line.substr(equals + 3, line.size() - equals - 4);
    if (!index || static_cast<size_t>(*index) > constants.size() ||
        constants.size() > kMaxConstants) {
      return NotKnown(line);
    }
    if (static_cast<size_t>(*index) == constants.size()) constants.emplace_back();
    if (!Take(constants[static_cast<size_t>(*index)], member, value)) return NotKnown(line);
  }
  return constants;
}

}  // namespace raceway::engine::load
