#include "engine/load/weight_map.h"

#include <algorithm>
#include <limits>

namespace raceway::engine::load {

Result<uint64_t> NumElements(const std::vector<int64_t>& sizes) {
  const auto wrong = [](const char* what) { return Error{ErrorCode::kInvalidArgument, what}; };
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0; })) {
    return wrong("has a negative size");
  }
  int64_t count = 1;
  // A zero makes it none, whatever else would be too much.
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return uint64_t{0};
  for (const int64_t size : sizes) {
    if (__builtin_mul_overflow(count, size, &count)) return wrong("has too many elements");
  }
  return static_cast<uint64_t>(count);
}

Status CheckWithin(const Tensor& tensor, uint64_t num_bytes) {
  const auto wrong = [](const char* what) { return Error{ErrorCode::kInvalidArgument, what}; };
  if (tensor.sizes.size() != tensor.strides.size()) {
    return wrong("has not as many strides as sizes");
  }
  const Result<uint64_t> count = NumElements(tensor.sizes);
  if (!count.ok()) return count.error();
  if (*count == 0) return Done{};
  uint64_t end = tensor.offset;  // one behind the last element
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    if (tensor.strides[i] < 0) return wrong("has a negative stride");
    uint64_t step = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(tensor.sizes[i] - 1),
                               static_cast<uint64_t>(tensor.strides[i]), &step) ||
        __builtin_add_overflow(end, step, &end)) {
      return wrong("reaches past its storage");
    }
  }
  if (end >= num_bytes / SizeOf(tensor.dtype)) return wrong("reaches past its storage");
  return Done{};
}

std::vector<int64_t> DenseStrides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t i = sizes.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

}  // namespace raceway::engine::load
