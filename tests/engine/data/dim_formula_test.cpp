#include "engine/data/dim_formula.h"

#include <gtest/gtest.h>

#include <string>

namespace raceway::engine {
namespace {

/// A formula's text in canonical form; "no" for what is none.
std::string Canonical(const std::string& text) {
  const std::optional<DimFormula> formula = DimFormula::Of(Dim::Symbol(text));
  return formula ? ToString(formula->ToDim()) : "no";
}

std::string Solve(const std::string& zero, const std::string& symbol) {
  const std::optional<DimFormula> formula = DimFormula::Of(Dim::Symbol(zero));
  const std::optional<DimFormula> solved = formula ? formula->SolveFor(symbol) : std::nullopt;
  return solved ? ToString(solved->ToDim()) : "no";
}

TEST(DimFormulaTest, EqualFormulasAreOneText) {
  EXPECT_EQ(Canonical("H/2+H/2"), "H");
  EXPECT_EQ(Canonical("1+2*H"), "H*2+1");
  EXPECT_EQ(Canonical("H*2/4"), "H/2");
  EXPECT_EQ(Canonical("W*H"), "H*W");
  EXPECT_EQ(Canonical("(H-1)*(H+1)"), "H*H-1");
  EXPECT_EQ(Canonical("3-N"), "-N+3");
  EXPECT_EQ(Canonical("N-N+7"), "7");
}

TEST(DimFormulaTest, ItsTextReadsBack) {
  for (const std::string text : {"H/2", "(K-1)/2", "H*3/4", "-N+3", "A*B-C/2"}) {
    const std::string once = Canonical(text);
    EXPECT_EQ(Canonical(once), once) << text;
  }
  EXPECT_EQ(Canonical("A*B-C/2"), "(A*B*2-C)/2");
}

TEST(DimFormulaTest, WhatIsNoFormulaIsNone) {
  for (const std::string text :
       {"H/W", "H/0", "H/(N-N)", "H+", "(H", "2H*3", "9223372036854775807*9*H"}) {
    EXPECT_EQ(Canonical(text), "no") << text;
  }
}

TEST(DimFormulaTest, NoSizeStaysAFormula) {
  EXPECT_EQ(Canonical("7/2"), "7/2");
  EXPECT_EQ(Canonical("1-3"), "-2");
  EXPECT_TRUE(IsFormula(Dim::Symbol(Canonical("3-3"))));
}

TEST(DimFormulaTest, SolvesForASymbolThatStandsAlone) {
  EXPECT_EQ(Solve("H/2-112", "H"), "224");
  EXPECT_EQ(Solve("H*2+1-K", "H"), "(K-1)/2");
  EXPECT_EQ(Solve("H*2-7", "H"), "7/2");
  EXPECT_EQ(Solve("H*W-6", "H"), "no");
  EXPECT_EQ(Solve("H*H+H-6", "H"), "no");
  EXPECT_EQ(Solve("W-6", "H"), "no");
}

}  // namespace
}  // namespace raceway::engine
