#include <gtest/gtest.h>

#include "engine/data/text_tensor.h"
#include "tests/operators/calls.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

std::string Packed(const std::vector<int64_t>& shape,
                   const std::vector<std::string_view>& elements) {
  std::string row;
  engine::Pack(shape, elements, row);
  return row;
}

/// Rows of strings in a row.
Column Rows(const std::vector<std::vector<std::string_view>>& rows) {
  std::vector<std::string> packed;
  for (const auto& row : rows) packed.push_back(Packed({static_cast<int64_t>(row.size())}, row));
  return Texts(packed);
}

TEST(TextTensorTest, IsUnpackedAsItWas) {
  const std::string row = Packed({2, 2}, {"a", "", "\0b", "ü"});
  const auto tensor = engine::Unpack(row);
  ASSERT_TRUE(tensor.has_value());
  EXPECT_EQ(tensor->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(tensor->elements, (std::vector<std::string_view>{"a", "", "\0b", "ü"}));
  EXPECT_EQ(engine::Unpack(Packed({0, 3}, {}))->shape, (std::vector<int64_t>{0, 3}));
}

TEST(TextTensorTest, OtherBytesAreNone) {
  const std::string row = Packed({2}, {"a", "b"});
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(engine::Unpack(row.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(engine::Unpack(row + "c").has_value());
  EXPECT_FALSE(engine::Unpack(std::string(64, '\x7f')).has_value());
}

TEST(TextTensorTest, IsCheckedRowByRow) {
  const Column column = Rows({{"a", "b"}, {"c"}});
  EXPECT_EQ(Text(column.CheckType(T("string[N]"))), "fine");
  const engine::Status status = column.CheckType(T("string[2]"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "is string[1], declared string[2]");
  EXPECT_EQ(status.error().row_id, 1);
  EXPECT_FALSE(Texts({"plain"}).CheckType(T("string[N]")).ok());
}

TEST(TextTensorTest, IsTakenApart) {
  const Arg x{Rows({{"a", "b"}, {"c", "d", "e"}}), "string[N]"};
  EXPECT_EQ(Eval("index", {x, Known(1)}), "'b' 'd'");
  EXPECT_EQ(Eval("shape", {x}), "[2] [3]");
  EXPECT_EQ(Eval("lines", {x}), "'a\nb' 'c\nd\ne'");
  EXPECT_EQ(Eval("in", {{Texts({"b", "b"}), "string"}, x}), "true false");
  EXPECT_EQ(Eval("index", {x, Known(2)}),
            "failed: row 1: there is no place 2: dimension 1 has size 2");
  EXPECT_EQ(Eval("take", {x, {Vectors({{1}, {3}}, at::kLong), "i64[1]"}}),
            "failed: row 2: there is no place 3: dimension 1 has size 3");
}

TEST(TextTensorTest, IsPutTogether) {
  const Arg x{Rows({{"a", "b"}, {"c", "d", "e"}}), "string[N]"};
  const auto strings = [](const Result<Column>& column) {
    std::string text;
    for (int64_t row = 0; row < column->num_rows(); ++row) {
      const auto tensor = engine::Unpack(column->text()[row]);
      for (const std::string_view one : tensor->elements) {
        text += std::string(one) + ",";
      }
      text += ";";
    }
    return text;
  };
  const auto run = [&](const Expression& call) {
    const engine::Schema scope({{"x", T("string[N]")}, {"s", T("string")}});
    const auto bound = BoundExpression::Bind(call, scope);
    const Column columns[] = {x.column, Texts({"s", "t"})};
    return strings(bound->Evaluate(columns, 2));
  };
  const Expression column = Col("x", "string[N]");
  EXPECT_EQ(run(Call("concat", {column, column})), "a,b,a,b,;c,d,e,c,d,e,;");
  EXPECT_EQ(run(Call("list", {Col("s", "string"), Lit("z", "string")})), "s,z,;t,z,;");
  EXPECT_EQ(run(Call("slice", {column, Lit(int64_t{1}, "i64"), Lit(int64_t{2}, "i64")})), "b,;d,;");
}

}  // namespace
}  // namespace raceway::operators
