#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <span>
#include <string>

#include "operators/column_functions.h"

namespace raceway::operators {

/// A computation on tensors with the rows in dimension 0.
using DenseKernel = engine::Result<at::Tensor> (*)(std::span<const at::Tensor> args,
                                                   const engine::Type& type);

/// Runs `kernel` once on dense columns, and row by row where a column is ragged.
engine::Result<engine::Column> RunDense(DenseKernel kernel, const ColumnCall& call);
engine::Result<engine::Column> RunRowByRow(DenseKernel kernel, const ColumnCall& call);

/// The number of a column that is the same in all rows.
int64_t NumberOf(const at::Tensor& repeated);

/// Of the row that element `i` of `of` is in.
engine::Error FailedAt(int64_t i, const at::Tensor& of, std::string why);

/// LibTorch stores u16, u32 and u64 but hardly computes with them. The signed type of the same
/// width has the same sums, differences and products; other tensors are returned as they are.
at::Tensor AsSigned(const at::Tensor& tensor);

/// Signed integers in the same order; other tensors are returned as they are.
at::Tensor AsOrdered(const at::Tensor& tensor);
at::Tensor FromOrdered(const at::Tensor& ordered, at::ScalarType dtype);

}  // namespace raceway::operators
