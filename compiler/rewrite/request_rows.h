#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// Which rows of the request leave the stages of a plan.
class RequestRows {
 public:
  explicit RequestRows(const LogicalPlan& plan);

  /// Whether they are rows of the request in its order, none of them twice.
  bool AreInOrderOnce(Port port) const { return OfPort(port).in_order_once; }

 private:
  struct Rows {
    bool in_order_once = true;
    std::map<int32_t, int32_t> halves;  // splits that all of them went through → by which output
  };

  static bool AreApart(const Rows& a, const Rows& b);
  Rows OfPort(Port port) const;
  Rows OfUnion(const Stage& stage) const;
  Rows OfStage(const Stage& stage) const;

  std::vector<Rows> rows_;   // of each stage before it parts them
  std::vector<bool> parts_;  // whether the stage ends with a split
};

}  // namespace raceway::compiler
