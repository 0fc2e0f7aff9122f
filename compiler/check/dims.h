#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/type.h"

namespace raceway::compiler {

/// Dimensions of rows and which of them are known to be the same: union-find over symbols.
///
/// A flexible symbol (of a function that is applied) may become any dimension. A rigid one (of the
/// signature of the flow that is being checked) and an opaque one (that only a result of an applied
/// function has) equal themselves alone. A formula (`H/2`) is solved where a flexible symbol is
/// left in it. `...` is any number of dimensions, and becomes those that are found in its place.
class Dims {
 public:
  engine::Dim Fresh(std::string_view name);
  engine::Dim Rigid(std::string_view name);
  engine::Dim Opaque(std::string_view name);

  /// What is known of a dimension: a size, the symbol that stands for all equal ones, or a formula.
  engine::Dim Find(const engine::Dim& dim) const;
  engine::Type Resolve(const engine::Type& type) const;
  /// Makes both the same; false if they cannot be. `_` goes with anything.
  bool Unify(const engine::Dim& a, const engine::Dim& b);
  /// Whether only the rows can tell if both are the same: one is a formula, and nothing says what
  /// its symbols are.
  bool AreUndecided(const engine::Dim& a, const engine::Dim& b) const;
  /// Lets a flexible `...` in `pattern` be what `found` has in its place.
  void UnifyRank(const engine::Type& pattern, const engine::Type& found);

  /// As the author wrote it: `u8[H, W, 3]`.
  std::string Show(const engine::Type& type) const;
  std::string Show(const engine::Dim& dim) const;

 private:
  bool UnifyFormulas(const engine::Dim& a, const engine::Dim& b);

  std::map<std::string, engine::Dim> bound_;               // flexible symbol → what it became
  std::map<std::string, std::vector<engine::Dim>> ranks_;  // likewise a flexible `...`
  int next_ = 0;
};

bool IsOpaque(const engine::Dim& dim);
/// Whether it is `...`.
bool IsAnyRank(const engine::Dim& dim);
/// A dimension that no row can have: `N/2` where N is 7.
bool IsImpossible(const engine::Dim& dim);

/// Gives a signature's symbols fresh dimensions, the same one for the same name.
class Instantiation {
 public:
  enum class Kind { kFlexible, kRigid, kOpaque };

  Instantiation(Dims& dims, Kind kind) : dims_(dims), kind_(kind) {}
  engine::Type operator()(engine::Type type);
  /// What symbols become that have not come up yet.
  void NewSymbolsAre(Kind kind) { kind_ = kind; }

 private:
  engine::Dim Of(const std::string& symbol);

  Dims& dims_;
  Kind kind_;
  std::map<std::string, engine::Dim> symbols_;
};

/// Types of columns that are made of the rows of two tables. Where dimensions differ and one of
/// them is opaque, the rows have a dimension of their own, the same for the same two.
class JoinedDims {
 public:
  explicit JoinedDims(Dims& dims) : dims_(dims) {}
  /// Null where no type is both.
  std::optional<engine::Type> operator()(const engine::Type& a, const engine::Type& b);

 private:
  Dims& dims_;
  std::map<std::pair<std::string, std::string>, engine::Dim> joined_;
};

/// Names for the dimensions of a plan: "H", and "H.2" for another one that was called so.
class DimNames {
 public:
  explicit DimNames(const Dims& dims) : dims_(dims) {}
  engine::Type operator()(const engine::Type& type);

 private:
  std::string NameOf(const std::string& symbol);

  const Dims& dims_;
  std::map<std::string, std::string> names_;
  std::map<std::string, int> taken_;
};

/// What keeps `found` from being a `wanted`, or the empty string once both are made the same. A
/// value fits where one may be missing, not the reverse. `is_shape` tells whether only the shape
/// differs.
struct Clash {
  std::string text;  // "dimension 2: wanted 384, found 224"; empty if there is none
  bool is_shape = false;
};
/// A pair of dimensions that only the rows can tell.
struct OpenDim {
  size_t index = 0;  // among the dimensions that were found
  engine::Dim wanted;
  engine::Dim found;
};
/// With `open`, pairs that cannot be decided go there and are no clash.
Clash UnifyTypes(Dims& dims, const engine::Type& wanted, const engine::Type& found,
                 std::vector<OpenDim>* open = nullptr);

}  // namespace raceway::compiler
