#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

namespace raceway::operators {

/// An attribute of a module that a method writes: the names on the way to it.
using StatePath = std::vector<std::string>;

/// What `method` keeps from one call to the next: attributes that it sets, and tensors and lists in
/// attributes that it writes into. What only runs in training (`if self.training`) does not count.
///
/// Limits   a write through a value that came out of a branch or a container is not seen, nor one
/// in
///          a call that `InlinedGraph` leaves
std::vector<StatePath> StateOf(const torch::jit::Module& module, const torch::jit::Method& method);

/// The module with its own copy of `state`; everything else is shared.
torch::jit::Module WithOwnState(const torch::jit::Module& module,
                                const std::vector<StatePath>& state);

}  // namespace raceway::operators
