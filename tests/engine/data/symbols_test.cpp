#include "engine/data/symbols.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/engine/data/columns.h"

namespace raceway::engine {
namespace {

using namespace testing;  // NOLINT

struct Typed {
  std::string name;
  std::string type;
  Column column;
};

/// "fine", or what does not fit.
std::string Check(std::vector<Typed> typed) {
  std::vector<Field> fields;
  std::vector<Column> columns;
  for (Typed& one : typed) {
    fields.push_back({one.name, *TypeFromString(one.type)});
    columns.push_back(std::move(one.column));
  }
  const Status checked = CheckSymbols(fields, columns);
  return checked.ok() ? "fine" : checked.error().Text();
}

TEST(SymbolsTest, AlikeSymbolsAgreeInEachRow) {
  EXPECT_EQ(Check({{"a", "f32[N]", Ragged({{1}, {1, 2}})}, {"b", "f32[N]", Ragged({{0}, {0, 1}})}}),
            "fine");
  EXPECT_EQ(Check({{"a", "f32[N]", Ragged({{1}, {1, 2}})}, {"b", "f32[N]", Ragged({{0}, {0}})}}),
            "row 2: `N` is 2 in `a` but 1 in `b`");
  EXPECT_EQ(
      Check({{"a", "f32[N*2]", Vectors({{1, 2}})}, {"b", "f32[N*2]", Vectors({{1, 2, 3, 4}})}}),
      "`N*2` is 2 in `a` but 4 in `b`");
  EXPECT_EQ(Check({{"a", "f32[_]", Vectors({{1, 2}})}, {"b", "f32[_]", Vectors({{1}})}}), "fine");
}

TEST(SymbolsTest, WhatIsComputedIsWhatItsSymbolsMakeOfIt) {
  EXPECT_EQ(Check({{"a", "f32[N*2]", Vectors({{1, 2}})}, {"b", "f32[N]", Vectors({{1}})}}), "fine");
  EXPECT_EQ(Check({{"a", "f32[N*2]", Vectors({{1, 2}})}, {"b", "f32[N]", Vectors({{1, 2}})}}),
            "dimension 1 of `a` is 2, `N*2` is 4 (`N` is 2)");
  EXPECT_EQ(
      Check({{"a", "f32[N]", Ragged({{1}, {1, 2}})}, {"b", "f32[N-1]", Ragged({{}, {0, 1}})}}),
      "row 2: dimension 1 of `b` is 2, `N-1` is 1 (`N` is 2)");
  EXPECT_EQ(Check({{"a", "f32[N]", Vectors({{1, 2, 3}})}, {"b", "f32[N/2]", Vectors({{1}})}}),
            "dimension 1 of `b` is 1, which `N/2` cannot be (`N` is 3)");
  EXPECT_EQ(Check({{"a", "f32[N]", Vectors({{1, 2}})},
                   {"b", "f32[M]", Vectors({{1, 2, 3}})},
                   {"c", "f32[M*N]", Vectors({{1, 2, 3, 4, 5}})}}),
            "dimension 1 of `c` is 5, `M*N` is 6 (`M` is 3, `N` is 2)");
}

TEST(SymbolsTest, OneUnknownIsSolvedAndHoldsForTheOthers) {
  EXPECT_EQ(Check({{"a", "f32[N*2]", Vectors({{1, 2, 3, 4}})}}), "fine");
  EXPECT_EQ(Check({{"a", "f32[N*2]", Vectors({{1, 2, 3}})}}),
            "dimension 1 of `a` is 3, which `N*2` cannot be");
  EXPECT_EQ(Check({{"a", "f32[N+3]", Vectors({{1, 2}})}}),
            "dimension 1 of `a` is 2, which `N+3` cannot be");
  // `b` says what N is, only then there is one unknown left in `a`.
  const auto both = [](Column c) {
    return Check({{"a", "f32[M+N]", Vectors({{1, 2, 3}})},
                  {"b", "f32[N*2]", Vectors({{1, 2}})},
                  {"c", "f32[M*2]", std::move(c)}});
  };
  EXPECT_EQ(both(Vectors({{1, 2, 3, 4}})), "fine");
  EXPECT_EQ(both(Vectors({{1, 2}})), "dimension 1 of `a` is 3, `M+N` is 2 (`M` is 1, `N` is 1)");
}

TEST(SymbolsTest, TwoUnknownsAreNotDecided) {
  EXPECT_EQ(Check({{"a", "f32[M+N]", Vectors({{1, 2, 3}})}}), "fine");
  EXPECT_EQ(Check({{"a", "f32[N*N]", Vectors({{1, 2, 3}})}}), "fine");
}

TEST(SymbolsTest, LooksAtNoRowsAndAtNoneThatIsMissing) {
  EXPECT_EQ(Check({{"a", "f32[N*2]", Ragged({})}, {"b", "f32[N]", Ragged({})}}), "fine");
  const auto with_null = [](Column b) {
    const std::vector<int64_t> rows = {0, -1};
    return Check({{"a", "f32[N*2]?", Ragged({{1, 2, 3, 4}}).TakeOrNull(rows, T("f32[N*2]?"))},
                  {"b", "f32[N]", std::move(b)}});
  };
  EXPECT_EQ(with_null(Ragged({{1, 2}, {1}})), "fine");
  EXPECT_EQ(with_null(Ragged({{1}, {1}})), "row 1: dimension 1 of `a` is 4, `N*2` is 2 (`N` is 1)");
}

}  // namespace
}  // namespace raceway::engine
