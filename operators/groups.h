#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/column.h"

namespace raceway::operators {

/// Which rows have equal keys. Groups are numbered in the order of their first rows.
struct Groups {
  std::vector<int64_t> of_row;     // for each row its group
  std::vector<int64_t> first_row;  // for each group

  size_t size() const { return first_row.size(); }
};

/// `keys` are columns that can be keys (engine/data/key_type.h) with `num_rows` rows each.
Groups FindGroups(const std::vector<engine::Column>& keys, int64_t num_rows);

}  // namespace raceway::operators
