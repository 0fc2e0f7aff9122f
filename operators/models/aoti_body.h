#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "operators/models/aoti_sizes.h"

namespace raceway::operators {

/// Two sizes of inputs that compiled code takes for one: it reads the second, and checks neither.
struct AotiTie {
  size_t input = 0;
  size_t dim = 0;
  size_t with_input = 0;
  size_t with_dim = 0;
};

/// What the body of compiled code does with what it is given.
struct AotiBody {
  std::vector<AotiTie> ties;
  bool writes_inputs = false;
  bool writes_weights = false;  // so it keeps state from call to call
};

/// Nothing where it ties sizes in a way that we do not know.
///
/// Source   `AOTInductorModel::run_impl` of TorchInductor's wrapper, as LibTorch 2.9 to 2.11 write
/// it
std::optional<AotiBody> BodyOfWrapper(std::string_view source, std::span<const AotiInput> inputs);

}  // namespace raceway::operators
