#include "compiler/check/dims.h"

#include <algorithm>

#include "engine/data/dim_formula.h"

namespace raceway::compiler {
namespace {

using engine::Dim;
using engine::DimFormula;
using engine::Type;

// A symbol inside the checker is "H#3" (flexible), "H!4" (rigid) or "H?5" (opaque): the author's
// name and a number.
constexpr char kFlexible = '#';
constexpr char kRigid = '!';
constexpr char kOpaque = '?';
constexpr std::string_view kMarks = "#!?";

bool IsFlexible(std::string_view symbol) { return symbol.find(kFlexible) != std::string::npos; }

/// A symbol as the author wrote it.
std::string Plain(const std::string& symbol) {
  return symbol.substr(0, symbol.find_first_of(kMarks));
}

/// Where a flexible `...` stands.
std::optional<size_t> OpenRank(const Type& type) {
  for (size_t i = 0; i < type.shape.size(); ++i) {
    if (IsAnyRank(type.shape[i]) && IsFlexible(type.shape[i].symbol)) return i;
  }
  return std::nullopt;
}

}  // namespace

bool IsOpaque(const Dim& dim) { return dim.symbol.find(kOpaque) != std::string::npos; }
bool IsAnyRank(const Dim& dim) { return dim.symbol.starts_with("..."); }

bool IsImpossible(const Dim& dim) {
  if (!IsFormula(dim)) return false;
  const std::optional<DimFormula> formula = DimFormula::Of(dim);
  return formula && formula->IsConstant();
}

Dim Dims::Fresh(std::string_view name) {
  return Dim::Symbol(std::string(name) + kFlexible + std::to_string(next_++));
}

Dim Dims::Rigid(std::string_view name) {
  return Dim::Symbol(std::string(name) + kRigid + std::to_string(next_++));
}

Dim Dims::Opaque(std::string_view name) {
  return Dim::Symbol(std::string(name) + kOpaque + std::to_string(next_++));
}

Dim Dims::Find(const Dim& dim) const {
  Dim found = dim;
  while (!found.is_size()) {
    const auto bound = bound_.find(found.symbol);
    if (bound == bound_.end()) break;
    found = bound->second;
  }
  if (!IsFormula(found)) return found;
  const auto known = [this](const std::string& symbol) {
    return DimFormula::Of(Find(Dim::Symbol(symbol)));
  };
  const std::optional<DimFormula> formula = DimFormula::Of(found);
  const std::optional<DimFormula> resolved = formula ? formula->Replace(known) : std::nullopt;
  return resolved ? resolved->ToDim() : found;
}

Type Dims::Resolve(const Type& type) const {
  Type resolved = type;
  resolved.shape.clear();
  for (const Dim& dim : type.shape) {
    const auto rank = ranks_.find(dim.symbol);
    if (rank == ranks_.end()) {
      resolved.shape.push_back(Find(dim));
      continue;
    }
    const Type inner = Resolve({type.dtype, rank->second, false});
    resolved.shape.insert(resolved.shape.end(), inner.shape.begin(), inner.shape.end());
  }
  return resolved;
}

bool Dims::Unify(const Dim& a, const Dim& b) {
  const Dim left = Find(a);
  const Dim right = Find(b);
  if (left == right || left.symbol == "_" || right.symbol == "_") return true;
  if (IsAnyRank(left) || IsAnyRank(right)) return false;
  if (IsFormula(left) || IsFormula(right)) return UnifyFormulas(left, right);
  if (!left.is_size() && IsFlexible(left.symbol)) {
    bound_[left.symbol] = right;
    return true;
  }
  if (!right.is_size() && IsFlexible(right.symbol)) {
    bound_[right.symbol] = left;
    return true;
  }
  return false;
}

/// a = b ⇒ s = what is left, for a flexible symbol s.
bool Dims::UnifyFormulas(const Dim& a, const Dim& b) {
  const std::optional<DimFormula> left = DimFormula::Of(a);
  const std::optional<DimFormula> right = DimFormula::Of(b);
  if (!left || !right) return false;
  const std::optional<DimFormula> difference = left->Minus(*right);
  if (!difference) return false;
  if (difference->IsZero()) return true;
  for (const std::string& symbol : difference->Symbols()) {
    if (!IsFlexible(symbol)) continue;
    const std::optional<DimFormula> solved = difference->SolveFor(symbol);
    if (!solved) continue;
    const Dim value = solved->ToDim();
    if (IsImpossible(value)) return false;
    bound_[symbol] = value;
    return true;
  }
  return false;
}

bool Dims::AreUndecided(const Dim& a, const Dim& b) const {
  const Dim left = Find(a);
  const Dim right = Find(b);
  if (IsAnyRank(left) || IsAnyRank(right) || !(IsFormula(left) || IsFormula(right))) return false;
  const std::optional<DimFormula> one = DimFormula::Of(left);
  const std::optional<DimFormula> other = DimFormula::Of(right);
  const std::optional<DimFormula> difference = one && other ? one->Minus(*other) : std::nullopt;
  if (!difference || difference->IsConstant()) return false;
  const std::vector<std::string> symbols = difference->Symbols();
  const std::optional<DimFormula> only =
      symbols.size() == 1 ? difference->SolveFor(symbols.front()) : std::nullopt;
  return !only || !IsImpossible(only->ToDim());
}

void Dims::UnifyRank(const Type& pattern, const Type& found) {
  const std::optional<size_t> open = OpenRank(pattern);
  if (!open || found.shape.size() + 1 < pattern.shape.size()) return;
  const Dim& rank = pattern.shape[*open];
  if (std::find(found.shape.begin(), found.shape.end(), rank) != found.shape.end()) return;
  const auto begin = found.shape.begin() + static_cast<std::ptrdiff_t>(*open);
  const size_t length = found.shape.size() + 1 - pattern.shape.size();
  ranks_[rank.symbol] = {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

std::string Dims::Show(const Dim& dim) const {
  const Dim found = Find(dim);
  if (found.is_size()) return std::to_string(found.size);
  if (found.symbol == "-0") return "0";
  std::string text;
  bool is_number = false;  // inside the number behind a mark
  for (const char c : found.symbol) {
    is_number = kMarks.find(c) != std::string_view::npos || (is_number && c >= '0' && c <= '9');
    if (!is_number) text += c;
  }
  return text;
}

std::string Dims::Show(const Type& type) const {
  Type shown = Resolve(type);
  for (Dim& dim : shown.shape) {
    if (!dim.is_size()) dim.symbol = Show(dim);
  }
  return ToString(shown);
}

Dim Instantiation::Of(const std::string& symbol) {
  const auto [entry, is_new] = symbols_.try_emplace(symbol);
  if (!is_new) return entry->second;
  switch (kind_) {
    case Kind::kFlexible: entry->second = dims_.Fresh(symbol); break;
    case Kind::kRigid: entry->second = dims_.Rigid(symbol); break;
    case Kind::kOpaque: entry->second = dims_.Opaque(symbol); break;
  }
  return entry->second;
}

Type Instantiation::operator()(Type type) {
  for (Dim& dim : type.shape) {
    if (dim.is_size() || dim.symbol == "_") continue;
    const std::optional<DimFormula> formula = DimFormula::Of(dim);
    if (!formula || !IsFormula(dim)) {
      dim = Of(dim.symbol);
      continue;
    }
    const auto own = [this](const std::string& symbol) { return DimFormula::Of(Of(symbol)); };
    if (const std::optional<DimFormula> result = formula->Replace(own)) dim = result->ToDim();
  }
  return type;
}

std::optional<Type> JoinedDims::operator()(const Type& a, const Type& b) {
  Type joined = dims_.Resolve(a);
  const Type other = dims_.Resolve(b);
  const bool are_alike = joined.dtype == other.dtype && joined.optional == other.optional;
  if (!are_alike || joined.shape.size() != other.shape.size()) return std::nullopt;
  for (size_t i = 0; i < joined.shape.size(); ++i) {
    Dim& dim = joined.shape[i];
    if (dims_.Unify(dim, other.shape[i])) continue;
    if (!IsOpaque(dim) && !IsOpaque(other.shape[i])) return std::nullopt;
    const auto [entry, is_new] =
        joined_.try_emplace({ToString(dim), ToString(other.shape[i])}, Dim{});
    if (is_new) {
      const Dim& named = IsOpaque(dim) ? dim : other.shape[i];
      entry->second = dims_.Opaque(IsFormula(named) ? "D" : Plain(named.symbol));
    }
    dim = entry->second;
  }
  return dims_.Resolve(joined);
}

std::string DimNames::NameOf(const std::string& symbol) {
  const auto [entry, is_new] = names_.try_emplace(symbol, Plain(symbol));
  if (!is_new) return entry->second;
  const int count = ++taken_[entry->second];
  if (count > 1) entry->second += "." + std::to_string(count);
  return entry->second;
}

Type DimNames::operator()(const Type& type) {
  Type named = dims_.Resolve(type);
  for (Dim& dim : named.shape) {
    if (dim.is_size() || dim.symbol == "_") continue;
    if (!IsFormula(dim)) {
      dim.symbol = NameOf(dim.symbol);
      continue;
    }
    const auto name = [this](const std::string& symbol) -> std::optional<DimFormula> {
      return DimFormula::Symbol(NameOf(symbol));
    };
    const std::optional<DimFormula> formula = DimFormula::Of(dim);
    const std::optional<DimFormula> renamed = formula ? formula->Replace(name) : std::nullopt;
    dim.symbol = renamed ? ToString(renamed->ToDim()) : "_";
  }
  return named;
}

Clash UnifyTypes(Dims& dims, const Type& wanted, const Type& found, std::vector<OpenDim>* open) {
  if (wanted.is_unknown() || found.is_unknown()) return {};
  if (wanted.dtype != found.dtype || (found.optional && !wanted.optional)) {
    return {"wanted " + dims.Show(wanted) + ", found " + dims.Show(found), false};
  }
  dims.UnifyRank(dims.Resolve(wanted), dims.Resolve(found));
  dims.UnifyRank(dims.Resolve(found), dims.Resolve(wanted));
  const std::vector<Dim> left = dims.Resolve(wanted).shape;
  const std::vector<Dim> right = dims.Resolve(found).shape;
  if (left.size() != right.size()) {
    const bool is_open = OpenRank(dims.Resolve(wanted)).has_value();
    return {"wanted " +
                (is_open ? "at least " + std::to_string(left.size() - 1)
                         : std::to_string(left.size())) +
                " dimensions, found " + std::to_string(right.size()),
            true};
  }
  std::string differing;
  for (size_t i = 0; i < left.size(); ++i) {
    if (dims.Unify(left[i], right[i])) continue;
    if (open != nullptr && dims.AreUndecided(left[i], right[i])) {
      open->push_back({i, left[i], right[i]});
      continue;
    }
    if (!differing.empty()) differing += "; ";
    const std::string wants = dims.Show(left[i]);
    const std::string is = dims.Show(right[i]);
    differing += "dimension " + std::to_string(i + 1) + ": wanted " + wants + ", found " +
                 (wants == is ? "another " : "") + is;
  }
  return {differing, !differing.empty()};
}

}  // namespace raceway::compiler
