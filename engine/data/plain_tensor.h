#pragma once

#include <ATen/core/TensorBody.h>

#include <string>

#include "engine/data/column.h"
#include "engine/result.h"

namespace raceway::engine {

/// What keeps a tensor of models, plugins, stores or callers out of columns, to be read after its
/// name: "is a sparse tensor: make it dense". Empty for what everybody here takes for granted:
/// strided numbers or bools of a type that flows can name, in the memory of the CPU.
std::string ProblemOf(const at::Tensor& tensor);

/// The same of the tensors of a column. Rows without a value may be anything.
///
/// Errors   InvalidArgument, to be read after the column's name; `row_id` is a row of this column
///          where it has a tensor for each row
Status CheckPlain(const Column& column);

}  // namespace raceway::engine
