#include "operators/functions/boxes.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace raceway::operators {

std::string NameOfBox(int64_t index, const Box& box) {
  std::array<char, 160> text;
  std::snprintf(text.data(), text.size(), "box %lld (%g, %g, %g, %g)",
                static_cast<long long>(index),  // NOLINT: printf's type
                static_cast<double>(box.x1), static_cast<double>(box.y1),
                static_cast<double>(box.x2), static_cast<double>(box.y2));
  return text.data();
}

engine::Status CheckBoxes(const at::Tensor& boxes) {
  for (int64_t i = 0; i < boxes.size(0); ++i) {
    const Box& box = BoxesOf(boxes)[i];
    if (!std::isfinite(box.x1) || !std::isfinite(box.y1) || !std::isfinite(box.x2) ||
        !std::isfinite(box.y2)) {
      return engine::Error{engine::ErrorCode::kFailed,
                           NameOfBox(i, box) + " has a side that is no number"};
    }
  }
  return engine::Done{};
}

}  // namespace raceway::operators
