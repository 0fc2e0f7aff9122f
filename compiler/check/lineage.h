#pragma once

#include <utility>
#include <vector>

namespace raceway::compiler {

/// What is known of where the rows of a table come from: whether two tables can be joined without a
/// key, and whether a row of the request may be there more than once.
///
/// Rows part at choices (`filter`, `split`, `limit`): a cell is the rows that went one way at each
/// of some choices. Cells of one table may overlap after a full join, which still has each row
/// once.
class Lineage {
 public:
  struct Way {
    int choice = 0;
    bool side = true;  // the first half of a split, or what a filter keeps

    friend bool operator==(const Way&, const Way&) = default;
  };
  using Cell = std::vector<Way>;

  /// All rows of a table of its own, each once.
  explicit Lineage(int origin = 0) : origin_(origin) {}

  /// The table whose rows these are parts of.
  int origin() const { return origin_; }
  /// Whether there may be several rows for one of the origin.
  bool is_many() const { return is_many_; }
  /// Whether there is exactly one row for each of the origin.
  bool is_one() const { return !is_many_ && cells_ == std::vector<Cell>{{}}; }

  /// After a choice, those that went this way.
  Lineage Choose(Way way) const;
  /// Each row may have become several.
  Lineage Many() const;
  /// No row at all.
  Lineage None() const;
  /// All rows of both, as `union` has them.
  Lineage Union(const Lineage& other) const;
  /// The rows that are in both, as a join without a key has them.
  Lineage Join(const Lineage& other) const;
  /// All rows of this one, and those of both.
  Lineage LeftJoin(const Lineage& other) const;
  Lineage FullJoin(const Lineage& other) const;

 private:
  int origin_ = 0;
  bool is_many_ = false;
  std::vector<Cell> cells_ = {{}};
};

}  // namespace raceway::compiler
