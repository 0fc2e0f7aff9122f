#pragma once

#include <ATen/core/ivalue.h>

#include <vector>

namespace raceway::engine::load {

/// Inputs for one call, with memory of their own: a model may write into what it is given.
inline std::vector<c10::IValue> CopyOf(const std::vector<c10::IValue>& inputs) {
  std::vector<c10::IValue> copies;
  copies.reserve(inputs.size());
  for (const c10::IValue& input : inputs) copies.push_back(input.deepcopy());
  return copies;
}

}  // namespace raceway::engine::load
