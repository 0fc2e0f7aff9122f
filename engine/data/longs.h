#pragma once

#include <ATen/core/TensorBody.h>

namespace raceway::engine {

/// Integers, bools and times as i64, contiguous: equal numbers for equal values. Of u64 the bits.
inline at::Tensor Longs(const at::Tensor& integers) {
  const at::Tensor dense = integers.contiguous();
  return dense.scalar_type() == at::kUInt64 ? dense.view(at::kLong) : dense.to(at::kLong);
}

}  // namespace raceway::engine
