#include "engine/data/plain_tensor.h"

#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/_nested_tensor_from_tensor_list.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/quantize_per_tensor.h>
#include <gtest/gtest.h>

#include "tests/engine/data/columns.h"

namespace raceway::engine {
namespace {

using testing::Bools;
using testing::T;
using testing::Text;

TEST(PlainTensorTest, WhatColumnsAreMadeOfIsPlain) {
  const at::Tensor ones = at::ones({2, 3});
  for (const at::Tensor& tensor :
       {ones, ones.t(), ones.narrow(0, 1, 1), at::ones({1}).expand({7}), at::ones({}, at::kBool),
        at::empty({0, 4}, at::kUInt64), ones.to(at::kHalf)}) {
    EXPECT_EQ(ProblemOf(tensor), "");
  }
}

TEST(PlainTensorTest, SaysWhatIsOddAndWhatToDo) {
  const at::Tensor ones = at::ones({2, 3});
  EXPECT_EQ(ProblemOf({}), "is an undefined tensor");
  EXPECT_EQ(ProblemOf(at::empty({2}, at::device(at::kMeta))), "is on meta: move it to the CPU");
  EXPECT_EQ(ProblemOf(at::_nested_tensor_from_tensor_list({ones, at::ones({1, 3})})),
            "is a nested tensor: give a tensor for each row");
  EXPECT_EQ(ProblemOf(ones.to_mkldnn()), "is an MKL-DNN tensor: make it dense");
  EXPECT_EQ(ProblemOf(ones.to_sparse()), "is a sparse tensor: make it dense");
  EXPECT_EQ(ProblemOf(ones.to_sparse_csr()), "is a sparse tensor: make it dense");
  EXPECT_EQ(ProblemOf(at::quantize_per_tensor(ones, 0.1, 0, at::kQInt8)),
            "is quantised: dequantise it");
  EXPECT_EQ(ProblemOf(ones.to(at::kComplexFloat)), "is of ComplexFloat, which no column can be");
  EXPECT_EQ(ProblemOf(ones._neg_view()), "is a negated view: resolve it");
  EXPECT_EQ(ProblemOf(at::_efficientzerotensor({2}, ones.options())), "has no memory of its own");
}

TEST(PlainTensorTest, ColumnsAreHeldToIt) {
  const at::Tensor ones = at::ones({2, 3});
  EXPECT_EQ(Text(Column(ones.to_sparse()).CheckType(T("f32[3]"))),
            "invalid argument: is a sparse tensor: make it dense");
  const Column ragged(std::vector<at::Tensor>{at::ones({3}), at::ones({3}).to_sparse()});
  EXPECT_EQ(Text(ragged.CheckType(T("f32[N]"))),
            "invalid argument: row 2: is a sparse tensor: make it dense");
  const at::Tensor only_first = Bools({true, false}).dense();
  EXPECT_EQ(Text(ragged.WithValidity(only_first).CheckType(T("f32[N]?"))), "fine");
}

}  // namespace
}  // namespace raceway::engine
