#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/data/type.h"

namespace raceway::compiler {

/// Dimensions of rows and which of them are known to be the same: union-find over symbols.
///
/// A flexible symbol (of a function that is applied) may become any dimension; a rigid one (of the
/// signature of the flow that is being checked) only equals itself.
class Dims {
 public:
  engine::Dim Fresh(std::string_view name);
  engine::Dim Rigid(std::string_view name);

  /// What is known of a dimension: a size, or the symbol that stands for all equal ones.
  engine::Dim Find(const engine::Dim& dim) const;
  engine::Type Resolve(engine::Type type) const;
  /// Makes both the same; false if they cannot be. `_` goes with anything.
  bool Unify(const engine::Dim& a, const engine::Dim& b);

  /// As the author wrote it: `u8[H, W, 3]`.
  std::string Show(const engine::Type& type) const;
  std::string Show(const engine::Dim& dim) const;

 private:
  std::map<std::string, engine::Dim> bound_;  // flexible symbol → what it became
  int next_ = 0;
};

/// Gives a signature's symbols fresh dimensions, the same one for the same name.
class Instantiation {
 public:
  enum class Kind { kFlexible, kRigid };

  Instantiation(Dims& dims, Kind kind) : dims_(dims), kind_(kind) {}
  engine::Type operator()(engine::Type type);

 private:
  Dims& dims_;
  Kind kind_;
  std::map<std::string, engine::Dim> symbols_;
};

/// What keeps `found` from being a `wanted`, or the empty string once both are made the same.
/// `is_shape` tells whether only the shape differs.
struct Clash {
  std::string text;  // "dimension 2: wanted 384, found 224"; empty if there is none
  bool is_shape = false;
};
Clash UnifyTypes(Dims& dims, const engine::Type& wanted, const engine::Type& found);

}  // namespace raceway::compiler
