#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace raceway::engine::load {

/// A copy of a method's graph with the calls of other methods in it, also of those behind an
/// interface (`@torch.jit.interface`): which module stands there, `module` says. What is still a
/// `prim::CallMethod` is code that cannot be looked into.
std::shared_ptr<torch::jit::Graph> InlinedGraph(const torch::jit::Module& module,
                                                const torch::jit::Method& method);

}  // namespace raceway::engine::load
