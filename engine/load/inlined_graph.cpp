#include "engine/load/inlined_graph.h"

#include <torch/csrc/jit/passes/inliner.h>

#include <optional>

namespace raceway::engine::load {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

bool IsModuleInterface(const Value& value) {
  const auto* interface = value.type()->castRaw<c10::InterfaceType>();
  return interface != nullptr && interface->is_module();
}

/// The module, or the one of its attributes that `value` is; nothing for other values.
std::optional<c10::IValue> AttributeOf(const c10::IValue& module, const Value* self,
                                       const Value* value) {
  if (value == self) return module;
  const Node* node = value->node();
  if (node->kind() != c10::prim::GetAttr) return std::nullopt;
  const std::optional<c10::IValue> owner = AttributeOf(module, self, node->input());
  if (!owner || !owner->isObject()) return std::nullopt;
  return owner->toObjectRef().getAttr(node->s(c10::attr::name));
}

bool HasCalls(Block* block) {
  for (Node* node : block->nodes()) {
    if (torch::jit::tryToGraphFunction(node) != nullptr) return true;
    for (Block* inner : node->blocks()) {
      if (HasCalls(inner)) return true;
    }
  }
  return false;
}

/// Gives values behind an interface the class that they have. Whether there were some.
bool NameClasses(const c10::IValue& module, const Value* self, Block* block) {
  bool found = false;
  for (Node* node : block->nodes()) {
    for (Block* inner : node->blocks()) found = NameClasses(module, self, inner) || found;
    if (node->kind() != c10::prim::GetAttr || !IsModuleInterface(*node->output())) continue;
    const std::optional<c10::IValue> attribute = AttributeOf(module, self, node->output());
    if (!attribute) continue;
    node->output()->setType(attribute->type());
    found = true;
  }
  return found;
}

}  // namespace

std::shared_ptr<Graph> InlinedGraph(const torch::jit::Module& module,
                                    const torch::jit::Method& method) {
  std::shared_ptr<Graph> graph = method.graph()->copy();
  // Where LibTorch's optimiser is off it puts bodies in as they were written, calls and all.
  bool has_named = false;
  do {
    torch::jit::Inline(*graph);
    has_named = NameClasses(module._ivalue(), graph->inputs().front(), graph->block());
  } while (has_named || HasCalls(graph->block()));
  return graph;
}

}  // namespace raceway::engine::load
