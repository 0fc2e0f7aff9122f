#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::operators {

/// What compiled code expects of one tensor that it is given.
struct AotiInput {
  struct Dim {
    int64_t min = 0;
    int64_t max = std::numeric_limits<int64_t>::max();
    std::optional<int64_t> stride;  // where it is the same in each call

    bool is_fixed() const { return min == max; }
  };
  at::ScalarType dtype = at::kFloat;
  std::vector<Dim> dims;  // the rows are first
};

/// "f32[rows, 4, _]"
std::string ToString(const AotiInput& input);

/// Whether the code may have `tensor`; empty, or why not.
std::string Misfit(const AotiInput& input, const at::Tensor& tensor);

/// The inputs that the source of compiled code checks, in their order. Nothing where it has checks
/// that we do not know.
///
/// Source   `check_input_0` … of TorchInductor's wrapper, as LibTorch 2.9 to 2.11 write them
std::optional<std::vector<AotiInput>> InputsOfWrapper(std::string_view source);

}  // namespace raceway::operators
