#pragma once

#include <ATen/core/TensorBody.h>

#include <string>

#include "engine/result.h"

namespace raceway::operators {

/// A box: x1, y1, x2, y2 in pixels, where pixel i lies between i and i + 1.
struct Box {
  float x1, y1, x2, y2;
};

/// "box 3 (10, 20, 30, nan)"
std::string NameOfBox(int64_t index, const Box& box);

/// The boxes of a contiguous f32[N, 4].
inline const Box* BoxesOf(const at::Tensor& boxes) {
  return reinterpret_cast<const Box*>(boxes.const_data_ptr<float>());
}

/// Errors   Failed where a coordinate of a contiguous f32[N, 4] is no finite number
engine::Status CheckBoxes(const at::Tensor& boxes);

}  // namespace raceway::operators
