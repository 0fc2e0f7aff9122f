#include "compiler/check/dims.h"

namespace raceway::compiler {
namespace {

using engine::Dim;
using engine::Type;

// A symbol inside the checker is "H#3" (flexible) or "H!4" (rigid): the author's name and a number.
constexpr char kFlexible = '#';
constexpr char kRigid = '!';

bool IsFlexible(const Dim& dim) { return dim.symbol.find(kFlexible) != std::string::npos; }

}  // namespace

Dim Dims::Fresh(std::string_view name) {
  return Dim::Symbol(std::string(name) + kFlexible + std::to_string(next_++));
}

Dim Dims::Rigid(std::string_view name) {
  return Dim::Symbol(std::string(name) + kRigid + std::to_string(next_++));
}

Dim Dims::Find(const Dim& dim) const {
  Dim found = dim;
  while (!found.is_size()) {
    const auto bound = bound_.find(found.symbol);
    if (bound == bound_.end()) break;
    found = bound->second;
  }
  return found;
}

Type Dims::Resolve(Type type) const {
  for (Dim& dim : type.shape) dim = Find(dim);
  return type;
}

bool Dims::Unify(const Dim& a, const Dim& b) {
  const Dim left = Find(a);
  const Dim right = Find(b);
  if (left == right || left.symbol == "_" || right.symbol == "_") return true;
  if (!left.is_size() && IsFlexible(left)) {
    bound_[left.symbol] = right;
    return true;
  }
  if (!right.is_size() && IsFlexible(right)) {
    bound_[right.symbol] = left;
    return true;
  }
  return false;
}

std::string Dims::Show(const Dim& dim) const {
  const Dim found = Find(dim);
  if (found.is_size()) return std::to_string(found.size);
  return found.symbol.substr(0, found.symbol.find_first_of("#!"));
}

std::string Dims::Show(const Type& type) const {
  Type shown = type;
  for (Dim& dim : shown.shape) {
    dim = Find(dim);
    if (!dim.is_size()) dim.symbol = Show(dim);
  }
  return ToString(shown);
}

Type Instantiation::operator()(Type type) {
  for (Dim& dim : type.shape) {
    if (dim.is_size() || dim.symbol == "_") continue;
    const auto [entry, is_new] = symbols_.try_emplace(dim.symbol);
    if (is_new) {
      entry->second = kind_ == Kind::kRigid ? dims_.Rigid(dim.symbol) : dims_.Fresh(dim.symbol);
    }
    dim = entry->second;
  }
  return type;
}

Clash UnifyTypes(Dims& dims, const Type& wanted, const Type& found) {
  if (wanted.is_unknown() || found.is_unknown()) return {};
  if (wanted.dtype != found.dtype || wanted.optional != found.optional) {
    return {"wanted " + dims.Show(wanted) + ", found " + dims.Show(found), false};
  }
  if (wanted.shape.size() != found.shape.size()) {
    return {"wanted " + std::to_string(wanted.shape.size()) + " dimensions, found " +
                std::to_string(found.shape.size()),
            true};
  }
  std::string differing;
  for (size_t i = 0; i < wanted.shape.size(); ++i) {
    if (dims.Unify(wanted.shape[i], found.shape[i])) continue;
    if (!differing.empty()) differing += "; ";
    differing += "dimension " + std::to_string(i + 1) + ": wanted " + dims.Show(wanted.shape[i]) +
                 ", found " + dims.Show(found.shape[i]);
  }
  return {differing, !differing.empty()};
}

}  // namespace raceway::compiler
