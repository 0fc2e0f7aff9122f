#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/library/flows.h"

namespace raceway::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kPass[] = R"(edition 1
flow pass(rows: {
  dense: f32[2, 3], image: u8[H, W, 3], scalar: i64, name: string, blob: bytes, words: string[N],
  maybe: f32?, note: string?, when: timestamp
}) -> {
  dense: f32[2, 3], image: u8[H, W, 3], scalar: i64, name: string, blob: bytes, words: string[N],
  maybe: f32?, note: string?, when: timestamp
} {
  return rows |> derive(seen = 1) |> omit(seen)
}
)";

at::Tensor Bools(const std::vector<int64_t>& values) { return at::tensor(values).to(at::kBool); }

class TableTest : public ::testing::Test {
 protected:
  TableTest() : engine_(*Engine::Start({.num_workers = 1})), flow_(*engine_.Deploy(PlanOf(kPass))) {
    rows_.Set("dense", at::ones({2, 2, 3}))
        .Set("image", std::vector<at::Tensor>{at::zeros({4, 5, 3}, at::kByte),
                                              at::ones({6, 7, 3}, at::kByte)})
        .Set("scalar", at::arange(2))
        .Set("name", std::vector<std::string>{"one", "zwei ö"})
        .Set("blob", std::vector<std::string>{std::string("\0\xff", 2), ""})
        .Set("words", std::vector<TextTensor>{{{2}, {"a", "b"}}, {{0}, {}}})
        .Set("maybe", at::ones({2}))
        .Set("note", std::vector<std::string>{"", "kept"})
        .Set("when", at::arange(2));
    const Status masked = rows_.SetMask("note", Bools({0, 1}));
    EXPECT_TRUE(masked.ok());
  }

  std::string Refusal(const Table& rows) { return ErrorOf(flow_.Run(rows)); }

  Engine engine_;
  Flow flow_;
  Table rows_;
};

TEST_F(TableTest, TensorsGoThroughWithoutACopy) {
  const Result<Table> out = flow_.Run(rows_);
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_EQ(out->num_rows(), 2);
  for (const char* name : {"dense", "scalar", "maybe", "when"}) {
    EXPECT_EQ(out->Tensor(name)->data_ptr(), rows_.Tensor(name)->data_ptr()) << name;
  }
  const std::vector<at::Tensor> images = *out->Tensors("image");
  ASSERT_EQ(images.size(), 2U);
  for (size_t i = 0; i < images.size(); ++i) {
    EXPECT_EQ(images[i].data_ptr(), (*rows_.Tensors("image"))[i].data_ptr());
  }
}

TEST_F(TableTest, TextComesBackAsItWas) {
  const Result<Table> out = flow_.Run(rows_);
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_THAT(*out->Texts("name"), ElementsAre("one", "zwei ö"));
  EXPECT_THAT(*out->Texts("blob"), ElementsAre(std::string_view("\0\xff", 2), ""));
  const std::vector<TextTensor> words = *out->TextTensors("words");
  ASSERT_EQ(words.size(), 2U);
  EXPECT_THAT(words[0].shape, ElementsAre(2));
  EXPECT_THAT(words[0].elements, ElementsAre("a", "b"));
  EXPECT_THAT(words[1].shape, ElementsAre(0));
}

TEST_F(TableTest, RowsWithoutAValueAreMasked) {
  const Result<Table> out = flow_.Run(rows_);
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_FALSE(out->Mask("maybe")->defined());
  EXPECT_TRUE(at::equal(*out->Mask("note"), Bools({0, 1})));
  EXPECT_EQ((*out->Texts("note"))[1], "kept");
}

TEST_F(TableTest, AResultIsATableForTheNextRequest) {
  const Result<Table> once = flow_.Run(rows_);
  const Result<Table> twice = flow_.Run(*once);
  ASSERT_TRUE(twice.ok()) << twice.error().Text();
  EXPECT_EQ(twice->Tensor("dense")->data_ptr(), rows_.Tensor("dense")->data_ptr());
}

TEST_F(TableTest, ChangingACopyLeavesTheOther) {
  Result<Table> out = flow_.Run(rows_);
  Table changed = *out;
  changed.Set("scalar", at::tensor({int64_t{7}, int64_t{8}}));
  EXPECT_TRUE(at::equal(*out->Tensor("scalar"), at::arange(2)));
  EXPECT_TRUE(at::equal(*changed.Tensor("scalar"), at::tensor({int64_t{7}, int64_t{8}})));
  EXPECT_EQ(changed.names(), out->names());
  const Result<Table> again = flow_.Run(changed);
  EXPECT_TRUE(again.ok()) << again.error().Text();
}

TEST_F(TableTest, RowsOfOneShapeAreStacked) {
  rows_.Set("dense", std::vector<at::Tensor>{at::zeros({2, 3}), at::ones({2, 3})});
  const Result<Table> out = flow_.Run(rows_);
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_TRUE(at::equal((*out->Tensor("dense"))[1], at::ones({2, 3})));
}

TEST_F(TableTest, RowsThatAreUndefinedHaveNoValue) {
  rows_.Set("maybe", std::vector<at::Tensor>{at::ones({}), at::Tensor()});
  const Result<Table> out = flow_.Run(rows_);
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_TRUE(at::equal(*out->Mask("maybe"), Bools({1, 0})));
}

TEST_F(TableTest, GradientsAreLeftWithTheCaller) {
  rows_.Set("dense", at::ones({2, 2, 3}, at::TensorOptions().requires_grad(true)));
  const Result<Table> out = flow_.Run(rows_);
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_FALSE(out->Tensor("dense")->requires_grad());
}

TEST_F(TableTest, WhatDoesNotFitIsRefusedByName) {
  Table rows = rows_;
  EXPECT_THAT(Refusal(Table()), HasSubstr("`pass` takes (dense: f32[2, 3], "));
  EXPECT_THAT(Refusal(Table()), HasSubstr(": the table has no column `dense`"));
  EXPECT_THAT(Refusal(Table(rows).Set("extra", at::ones({2}))),
              HasSubstr("no column `extra` is expected"));
  EXPECT_THAT(Refusal(Table(rows).Set("dense", at::ones({2, 2, 4}))),
              HasSubstr("column `dense` is f32[2, 4], declared f32[2, 3]"));
  EXPECT_THAT(Refusal(Table(rows).Set("scalar", at::ones({2}))),
              HasSubstr("column `scalar` is f32, declared i64"));
  EXPECT_THAT(Refusal(Table(rows).Set("scalar", at::arange(3))),
              HasSubstr("column `scalar` has 3 rows, `dense` has 2"));
  EXPECT_THAT(Refusal(Table(rows).Set("name", at::ones({2}))),
              HasSubstr("column `name` is a tensor, declared string"));
  EXPECT_THAT(Refusal(Table(rows).Set("scalar", std::vector<std::string>{"1", "2"})),
              HasSubstr("column `scalar` is text, declared i64"));
  EXPECT_THAT(Refusal(Table(rows).Set("words", std::vector<TextTensor>{{{3}, {"a"}}, {{0}, {}}})),
              HasSubstr("column `words` is "));
  EXPECT_THAT(Refusal(Table(rows).Set("words", std::vector<TextTensor>{{{-1}, {}}, {{0}, {}}})),
              HasSubstr("column `words` is "));
}

TEST_F(TableTest, TensorsThatAreNoneAreRefused) {
  EXPECT_THAT(Refusal(Table(rows_).Set("scalar", at::Tensor())),
              HasSubstr("column `scalar` is an undefined tensor"));
  EXPECT_THAT(Refusal(Table(rows_).Set("scalar", at::ones({}, at::kLong))),
              HasSubstr("column `scalar` is a scalar tensor, rows are its dimension 0"));
  EXPECT_THAT(Refusal(Table(rows_).Set("dense", at::ones({2, 2, 3}).to_sparse())),
              HasSubstr("column `dense` is a sparse tensor"));
  EXPECT_THAT(Refusal(Table(rows_).Set("dense", at::ones({2, 2, 3}, at::kComplexFloat))),
              HasSubstr("column `dense` is of ComplexFloat, which no column can be"));
  const at::Tensor elsewhere = at::empty({2, 2, 3}, at::device(at::kMeta));
  EXPECT_THAT(Refusal(Table(rows_).Set("dense", elsewhere)),
              HasSubstr("column `dense` is on meta: move it to the CPU"));
  EXPECT_THAT(Refusal(Table(rows_).Set("dense", std::vector<at::Tensor>{elsewhere[0]})),
              HasSubstr("column `dense` is on meta: move it to the CPU"));
  EXPECT_THAT(Refusal(Table(rows_).Set(
                  "image", std::vector<at::Tensor>{at::zeros({4, 5, 3}, at::kByte), at::Tensor()})),
              HasSubstr("row 2: `pass` takes"));
}

TEST_F(TableTest, StringsMustBeUtf8AndBytesNeedNot) {
  rows_.Set("name", std::vector<std::string>{"fine", "n\xffo"});
  EXPECT_THAT(Refusal(rows_), HasSubstr("column `name` is no UTF-8 at byte 2"));
  EXPECT_THAT(Refusal(rows_), HasSubstr("row 2: "));
}

TEST_F(TableTest, ReadingSaysWhatThereIs) {
  EXPECT_EQ(ErrorOf(Table().Tensor("x")),
            "invalid argument: no column `x` in the table; it has none");
  Table two;
  two.Set("a", at::ones({2})).Set("b", std::vector<std::string>{"x", "y"});
  EXPECT_EQ(ErrorOf(two.Texts("c")),
            "invalid argument: no column `c` in the table; it has `a`, `b`");
  EXPECT_EQ(ErrorOf(two.Tensor("b")),
            "invalid argument: column `b` is not dense, it is text: read it by `Texts` or "
            "`TextTensors`");
  EXPECT_EQ(ErrorOf(two.Texts("a")),
            "invalid argument: column `a` is not text, it is dense: read it by `Tensor`");
  EXPECT_THAT(ErrorOf(two.TextTensors("b")), HasSubstr("row 1: column `b` holds text"));
  for (const at::Tensor& mask : {at::ones({3}, at::kBool), at::ones({2}, at::kBool).to_sparse()}) {
    EXPECT_EQ(ErrorOf(two.SetMask("a", mask)),
              "invalid argument: the mask of `a` must be bool[2] on the CPU");
  }
}

TEST(ResultDeathTest, AnErrorThatIsUsedAsAValueEndsTheProcess) {
  EXPECT_DEATH(static_cast<void>(*Table().Tensor("x")),
               "a result was used that is an error: no column `x`");
}

}  // namespace
}  // namespace raceway::tests
