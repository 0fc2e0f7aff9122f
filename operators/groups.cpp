#include "operators/groups.h"

#include <ATen/core/TensorBody.h>

#include <string_view>
#include <utility>

#include "engine/data/longs.h"
#include "operators/key_map.h"

namespace raceway::operators {
namespace {

/// A group so far, and the value of one more key.
template <typename Value>
using Part = std::pair<int64_t, Value>;

/// Parts each group by the values of one more key.
template <typename Value, typename ValueOf>
void Refine(Groups& groups, const ValueOf& value_of) {
  KeyMap<Part<Value>> known;
  groups.first_row.clear();
  for (size_t row = 0; row < groups.of_row.size(); ++row) {
    const auto next = static_cast<int64_t>(groups.first_row.size());
    const Part<Value> part(groups.of_row[row], value_of(static_cast<int64_t>(row)));
    const auto [group, is_new] = known.emplace(part, next);
    if (is_new) groups.first_row.push_back(static_cast<int64_t>(row));
    groups.of_row[row] = group->second;
  }
}

}  // namespace

Groups FindGroups(const std::vector<engine::Column>& keys, int64_t num_rows) {
  Groups groups;
  groups.of_row.assign(static_cast<size_t>(num_rows), 0);
  if (num_rows > 0) groups.first_row = {0};
  for (const engine::Column& key : keys) {
    if (key.is_text()) {
      Refine<std::string_view>(groups, [&](int64_t row) { return key.text()[row]; });
      continue;
    }
    const at::Tensor values = engine::Longs(key.dense());
    const int64_t* data = values.const_data_ptr<int64_t>();
    Refine<int64_t>(groups, [data](int64_t row) { return data[row]; });
  }
  return groups;
}

}  // namespace raceway::operators
