#include "operators/models/state.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "engine/load/inlined_graph.h"

namespace raceway::operators {
namespace {

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

/// Walks the graph of a method, calls inlined.
class StateFinder {
 public:
  StateFinder(const torch::jit::Module& module, const torch::jit::Method& method)
      : module_(module), graph_(engine::load::InlinedGraph(module, method)) {}

  std::vector<StatePath> Find() {
    Walk(graph_->block());
    return std::move(found_);
  }

 private:
  void Walk(const Block* block) {
    for (const Node* node : block->nodes()) {
      if (node->kind() == c10::prim::SetAttr) {
        NoteSet(node);
      } else if (const torch::jit::Operator* op = node->maybeOperator()) {
        NoteWrites(node, op->schema());
      }
      const std::optional<bool> branch = BranchOf(node);
      for (size_t i = 0; i < node->blocks().size(); ++i) {
        if (branch && i != (*branch ? 0 : 1)) continue;
        Walk(node->blocks()[i]);
      }
    }
  }

  void NoteSet(const Node* node) {
    std::optional<StatePath> path = PathOf(node->input(0));
    if (!path) return;  // of an object that the call made itself
    path->push_back(node->s(c10::attr::name));
    Note(*std::move(path));
  }

  void NoteWrites(const Node* node, const c10::FunctionSchema& schema) {
    for (size_t i = 0; i < schema.arguments().size() && i < node->inputs().size(); ++i) {
      const c10::AliasInfo* alias = schema.arguments()[i].alias_info();
      if (alias == nullptr || !alias->isWrite()) continue;
      if (std::optional<StatePath> path = PathOf(Origin(node->input(i)))) Note(*std::move(path));
    }
  }

  void Note(StatePath path) {
    if (std::find(found_.begin(), found_.end(), path) == found_.end()) {
      found_.push_back(std::move(path));
    }
  }

  /// What `value` is a view of.
  static const Value* Origin(const Value* value) {
    while (true) {
      const Node* node = value->node();
      const torch::jit::Operator* op = node->maybeOperator();
      if (op == nullptr || op->schema().returns().empty() || value != node->output(0)) {
        return value;
      }
      const c10::FunctionSchema& schema = op->schema();
      const c10::AliasInfo* view = schema.returns().front().alias_info();
      const Value* base = nullptr;
      for (size_t i = 0; view != nullptr && i < schema.arguments().size(); ++i) {
        const c10::AliasInfo* alias = schema.arguments()[i].alias_info();
        if (alias != nullptr && alias->beforeSets() == view->beforeSets()) base = node->input(i);
      }
      if (base == nullptr) return value;
      value = base;
    }
  }

  /// The way from the module to the attribute that `value` is; null for other values.
  std::optional<StatePath> PathOf(const Value* value) const {
    StatePath path;
    while (value != graph_->inputs().front()) {
      const Node* node = value->node();
      if (node->kind() != c10::prim::GetAttr) return std::nullopt;
      path.insert(path.begin(), node->s(c10::attr::name));
      value = node->input();
    }
    return path;
  }

  /// Which block of an `if` runs, where the module as it is says so.
  std::optional<bool> BranchOf(const Node* node) const {
    if (node->kind() != c10::prim::If) return std::nullopt;
    return BoolOf(node->input());
  }

  std::optional<bool> BoolOf(const Value* value) const {
    const Node* node = value->node();
    if (node->kind() == c10::prim::Constant) {
      const auto constant = torch::jit::toIValue(value);
      return constant && constant->isBool() ? std::optional(constant->toBool()) : std::nullopt;
    }
    if (node->kind() == c10::aten::__not__) {
      const std::optional<bool> opposite = BoolOf(node->input());
      return opposite ? std::optional(!*opposite) : std::nullopt;
    }
    if (node->kind() == c10::prim::If) {
      const std::optional<bool> branch = BranchOf(node);
      if (!branch) return std::nullopt;
      return BoolOf(node->blocks()[*branch ? 0 : 1]->outputs()[value->offset()]);
    }
    const std::optional<StatePath> path = PathOf(value);
    if (!path || path->empty() || path->back() != "training") return std::nullopt;
    torch::jit::Module owner = module_;
    for (size_t i = 0; i + 1 < path->size(); ++i) owner = owner.attr((*path)[i]).toModule();
    const c10::IValue training = owner.attr("training");
    return training.isBool() ? std::optional(training.toBool()) : std::nullopt;
  }

  const torch::jit::Module& module_;
  std::shared_ptr<torch::jit::Graph> graph_;
  std::vector<StatePath> found_;
};

}  // namespace

std::vector<StatePath> StateOf(const torch::jit::Module& module, const torch::jit::Method& method) {
  return StateFinder(module, method).Find();
}

torch::jit::Module WithOwnState(const torch::jit::Module& module,
                                const std::vector<StatePath>& state) {
  using Object = c10::intrusive_ptr<c10::ivalue::Object>;
  std::map<const c10::ivalue::Object*, Object> copies;
  const auto copy_of = [&copies](const Object& object) {
    Object& copy = copies[object.get()];
    if (!copy) copy = object->copy();
    return copy;
  };
  const Object root = copy_of(module._ivalue());
  for (const StatePath& path : state) {
    Object original = module._ivalue();
    Object owner = root;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
      original = original->getAttr(path[i]).toObject();
      const Object copy = copy_of(original);
      owner->setAttr(path[i], copy);
      owner = copy;
    }
    owner->setAttr(path.back(), original->getAttr(path.back()).deepcopy());
  }
  return torch::jit::Module(root);
}

}  // namespace raceway::operators
