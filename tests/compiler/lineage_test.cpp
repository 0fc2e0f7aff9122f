#include "compiler/check/lineage.h"

#include <gtest/gtest.h>

namespace raceway::compiler {
namespace {

const Lineage kAll(7);

TEST(LineageTest, HalvesOfASplitAreTheWhole) {
  const Lineage holds = kAll.Choose({1, true});
  const Lineage rest = kAll.Choose({1, false});
  EXPECT_TRUE(kAll.is_one());
  EXPECT_FALSE(holds.is_one());
  EXPECT_FALSE(holds.is_many());
  EXPECT_TRUE(holds.Union(rest).is_one());
  EXPECT_TRUE(rest.Union(holds).is_one());
}

TEST(LineageTest, AChainOfSplitsIsTheWholeInAnyOrder) {
  const Lineage a = kAll.Choose({1, true});
  const Lineage not_a = kAll.Choose({1, false});
  const Lineage b = not_a.Choose({2, true});
  const Lineage rest = not_a.Choose({2, false});
  EXPECT_TRUE(a.Union(b).Union(rest).is_one());
  EXPECT_TRUE(rest.Union(a).Union(b).is_one());
  EXPECT_FALSE(a.Union(rest).is_one());
  EXPECT_FALSE(a.Union(rest).is_many());
}

TEST(LineageTest, WhatOverlapsIsThereMoreThanOnce) {
  EXPECT_TRUE(kAll.Union(kAll).is_many());
  EXPECT_TRUE(kAll.Choose({1, true}).Union(kAll.Choose({2, true})).is_many());
  EXPECT_TRUE(kAll.Choose({1, true}).Union(kAll).is_many());
  EXPECT_TRUE(kAll.Choose({1, true}).Union(kAll.Choose({1, false}).Many()).is_many());
}

TEST(LineageTest, NothingAddsNothing) {
  EXPECT_TRUE(kAll.Union(kAll.None()).is_one());
  EXPECT_TRUE(kAll.None().Union(kAll).is_one());
  EXPECT_FALSE(kAll.None().is_one());
}

TEST(LineageTest, AJoinHasTheRowsOfBoth) {
  const Lineage holds = kAll.Choose({1, true});
  const Lineage rest = kAll.Choose({1, false});
  EXPECT_TRUE(kAll.Join(kAll).is_one());
  EXPECT_FALSE(kAll.Join(holds).is_one());
  EXPECT_TRUE(kAll.Join(holds).Union(rest).is_one());
  EXPECT_TRUE(holds.Join(rest).Union(kAll).is_one()) << "they have no row in common";
  EXPECT_TRUE(kAll.Join(holds.Many()).is_many());
}

}  // namespace
}  // namespace raceway::compiler
