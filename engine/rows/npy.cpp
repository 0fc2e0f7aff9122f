#include "engine/rows/npy.h"

#include <ATen/ops/empty.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace raceway::engine {
namespace {

Error Bad(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

std::optional<at::ScalarType> ScalarTypeOf(std::string_view descr) {
  static constexpr std::pair<std::string_view, at::ScalarType> kTypes[] = {
      {"|b1", at::kBool},   {"|i1", at::kChar}, {"<i2", at::kShort},  {"<i4", at::kInt},
      {"<i8", at::kLong},   {"|u1", at::kByte}, {"<u2", at::kUInt16}, {"<u4", at::kUInt32},
      {"<u8", at::kUInt64}, {"<f2", at::kHalf}, {"<f4", at::kFloat},  {"<f8", at::kDouble},
  };
  for (const auto& [name, type] : kTypes) {
    if (name == descr) return type;
  }
  return std::nullopt;
}

/// The text after `'key':` in the header, a Python dictionary of a fixed form.
std::string_view ValueOf(std::string_view header, std::string_view key) {
  const size_t found = header.find("'" + std::string(key) + "':");
  if (found == std::string_view::npos) return {};
  header.remove_prefix(found + key.size() + 3);
  while (header.starts_with(' ')) header.remove_prefix(1);
  return header;
}

std::optional<std::vector<int64_t>> ParseShape(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  const size_t close = text.find(')');
  if (close == std::string_view::npos) return std::nullopt;
  text = text.substr(1, close - 1);
  std::vector<int64_t> shape;
  while (true) {
    while (text.starts_with(' ') || text.starts_with(',')) text.remove_prefix(1);
    if (text.empty()) return shape;
    int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0) return std::nullopt;
    shape.push_back(size);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
}

/// The number of bytes of such an array, unless it overflows.
std::optional<size_t> NumBytes(const std::vector<int64_t>& shape, size_t element_size) {
  size_t size = element_size;
  for (const int64_t dim : shape) {
    if (__builtin_mul_overflow(size, static_cast<size_t>(dim), &size)) return std::nullopt;
  }
  return size;
}

}  // namespace

Result<at::Tensor> ParseNpy(const std::string& bytes) {
  if (bytes.size() < 12 || !std::string_view(bytes).starts_with("\x93NUMPY")) {
    return Bad("is no .npy file");
  }
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(bytes[i])); };
  const bool is_first_version = bytes[6] == 1;
  const size_t start = is_first_version ? 10 : 12;
  size_t header_size = byte(8) | byte(9) << 8;
  if (!is_first_version) header_size |= byte(10) << 16 | byte(11) << 24;
  if (bytes.size() < start || bytes.size() - start < header_size) return Bad("is truncated");

  const std::string_view header = std::string_view(bytes).substr(start, header_size);
  const std::string_view descr = ValueOf(header, "descr");
  const auto type = descr.starts_with('\'') ? ScalarTypeOf(descr.substr(1, descr.find('\'', 1) - 1))
                                            : std::nullopt;
  if (!type) return Bad("holds elements of a kind that is not supported");
  if (!ValueOf(header, "fortran_order").starts_with("False")) return Bad("is in Fortran order");
  const auto shape = ParseShape(ValueOf(header, "shape"));
  if (!shape) return Bad("has a header without a shape");
  const auto size = NumBytes(*shape, c10::elementSize(*type));
  const size_t data = start + header_size;
  if (!size || bytes.size() - data < *size) return Bad("is truncated");
  at::Tensor tensor = at::empty(*shape, *type);
  if (*size > 0) std::memcpy(tensor.mutable_data_ptr(), bytes.data() + data, *size);
  return tensor;
}

}  // namespace raceway::engine
