#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/data/column.h"
#include "engine/data/schema.h"
#include "engine/result.h"
#include "operators/models/loaded_model.h"
#include "operators/models/options.h"

/// How rows become what a model is called with.
namespace raceway::operators {

/// What a model that pads gets behind its columns.
engine::Field MaskField();

/// The rows of each call: those that agree in the shapes of their tensors, but for a padded
/// dimension, and in what a call takes once; where these are more than `max_rows`, about as many in
/// each of as few calls as can be. Nothing where one call takes all.
std::vector<std::vector<int64_t>> RowsByCall(std::span<const engine::Column> args,
                                             std::span<const ModelParameter> parameters,
                                             const Padding& padding, int64_t num_rows,
                                             int64_t max_rows);

/// What rows of several requests have in common that may go into one call: shapes but for padded
/// dimensions, types, and what a call takes once. `args` are rows that go into one call.
std::string CallKey(std::span<const engine::Column> args,
                    std::span<const ModelParameter> parameters, const Padding& padding);

/// How long each row is in the padded dimension.
///
/// Errors   Failed, of a row whose columns differ there
engine::Result<std::vector<int64_t>> LengthsOf(std::span<const engine::Column> args,
                                               const Padding& padding, int64_t num_rows);

/// One value for each argument, of rows that go into one call; with padding one more, the mask:
/// bool[rows, longest], true where the row has something. `copies`: none of them is a column's own
/// memory.
std::vector<c10::IValue> InputsOf(std::span<const engine::Column> args,
                                  std::span<const ModelParameter> parameters,
                                  const Padding& padding, std::span<const int64_t> lengths,
                                  bool copies);

}  // namespace raceway::operators
