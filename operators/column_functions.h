#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/data/column.h"
#include "engine/data/type.h"
#include "engine/result.h"

namespace raceway::operators {

/// One call of a column function, on whole columns of `num_rows` rows each (at least one).
struct ColumnCall {
  std::span<const engine::Column> args;
  const engine::Type& type;  // of the result
  int64_t num_rows = 0;
  engine::DataType of = engine::DataType::kUnknown;  // the first argument
  std::span<const std::string> names = {};  // of the arguments, where the function `names_args`
};

/// The code of a column function. Its contract was checked when the expression was bound, so it
/// looks at data only. An error's `row_id` is a row of the call, -1 if no single one is at fault.
using ColumnKernel = engine::Result<engine::Column> (*)(const ColumnCall& call);

struct ColumnFunction {
  std::string_view name;  // of the contract
  ColumnKernel run = nullptr;
  bool names_args = false;  // in its errors
};

/// Every column function: the list. A test holds it against the contracts.
std::span<const ColumnFunction> ColumnFunctions();

const ColumnFunction* FindColumnFunction(std::string_view name);

}  // namespace raceway::operators
