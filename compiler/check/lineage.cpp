#include "compiler/check/lineage.h"

#include <algorithm>
#include <optional>

namespace raceway::compiler {
namespace {

using Way = Lineage::Way;
using Cell = Lineage::Cell;

/// Whether no row can be in both: at some choice they went different ways.
bool AreApart(const Cell& a, const Cell& b) {
  return std::any_of(a.begin(), a.end(), [&](const Way& way) {
    return std::find(b.begin(), b.end(), Way{way.choice, !way.side}) != b.end();
  });
}

/// Whether all rows of `part` are in `whole`.
bool IsPartOf(const Cell& part, const Cell& whole) {
  return std::all_of(whole.begin(), whole.end(), [&](const Way& way) {
    return std::find(part.begin(), part.end(), way) != part.end();
  });
}

/// Two cells that differ only in the side of one choice are the cell before it.
std::optional<Cell> Before(const Cell& a, const Cell& b) {
  if (a.size() != b.size()) return std::nullopt;
  std::optional<size_t> differs;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (differs || a[i].choice != b[i].choice) return std::nullopt;
    differs = i;
  }
  if (!differs) return std::nullopt;
  Cell cell = a;
  cell.erase(cell.begin() + static_cast<std::ptrdiff_t>(*differs));
  return cell;
}

/// Puts halves together as often as there are any.
std::vector<Cell> Together(std::vector<Cell> cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    for (size_t k = i + 1; k < cells.size(); ++k) {
      std::optional<Cell> whole = Before(cells[i], cells[k]);
      if (!whole) continue;
      cells.erase(cells.begin() + static_cast<std::ptrdiff_t>(k));
      cells[i] = *std::move(whole);
      return Together(std::move(cells));
    }
  }
  return cells;
}

}  // namespace

Lineage Lineage::Choose(Way way) const {
  Lineage result = *this;
  for (Cell& cell : result.cells_) cell.push_back(way);
  return result;
}

Lineage Lineage::Many() const {
  Lineage result = *this;
  result.is_many_ = true;
  return result;
}

Lineage Lineage::None() const {
  Lineage result = *this;
  result.is_many_ = false;
  result.cells_.clear();
  return result;
}

Lineage Lineage::Union(const Lineage& other) const {
  Lineage result = *this;
  result.is_many_ = is_many_ || other.is_many_;
  for (const Cell& cell : other.cells_) {
    const auto is_apart = [&](const Cell& mine) { return AreApart(mine, cell); };
    if (!std::all_of(cells_.begin(), cells_.end(), is_apart)) result.is_many_ = true;
    result.cells_.push_back(cell);
  }
  result.cells_ = Together(std::move(result.cells_));
  return result;
}

Lineage Lineage::Join(const Lineage& other) const {
  Lineage result = *this;
  result.is_many_ = is_many_ || other.is_many_;
  result.cells_.clear();
  for (const Cell& mine : cells_) {
    for (const Cell& theirs : other.cells_) {
      if (AreApart(mine, theirs)) continue;
      Cell both = mine;
      for (const Way& way : theirs) {
        if (std::find(both.begin(), both.end(), way) == both.end()) both.push_back(way);
      }
      result.cells_.push_back(std::move(both));
    }
  }
  return result;
}

Lineage Lineage::LeftJoin(const Lineage& other) const {
  Lineage result = *this;
  result.is_many_ = is_many_ || other.is_many_;
  return result;
}

Lineage Lineage::FullJoin(const Lineage& other) const {
  Lineage result = LeftJoin(other);
  for (const Cell& theirs : other.cells_) {
    const auto holds_it = [&](const Cell& mine) { return IsPartOf(theirs, mine); };
    if (std::none_of(cells_.begin(), cells_.end(), holds_it)) result.cells_.push_back(theirs);
  }
  result.cells_ = Together(std::move(result.cells_));
  return result;
}

}  // namespace raceway::compiler
