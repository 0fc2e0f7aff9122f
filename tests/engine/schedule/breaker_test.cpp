#include "engine/schedule/breaker.h"

#include <gtest/gtest.h>

namespace raceway::engine::schedule {
namespace {

TEST(BreakerTest, FailureAfterFailureOpensIt) {
  Breaker breaker;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(breaker.Admits(0));
    breaker.Failed(0);
  }
  EXPECT_FALSE(breaker.is_open());
  breaker.Failed(0);
  EXPECT_TRUE(breaker.is_open());
  EXPECT_FALSE(breaker.Admits(0.9));
  EXPECT_NEAR(breaker.RetryAfter(0.9), 0.1, 1e-9);
}

TEST(BreakerTest, SomeFailuresAmongManyCallsDoNot) {
  Breaker breaker;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(breaker.Admits(0)) << i;
    i % 3 == 0 ? breaker.Failed(0) : breaker.Succeeded();
  }
}

TEST(BreakerTest, OneCallIsLetThroughAndDecides) {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) breaker.Failed(0);
  EXPECT_TRUE(breaker.Admits(1));
  EXPECT_FALSE(breaker.Admits(1)) << "one at a time";
  breaker.Failed(1);
  EXPECT_FALSE(breaker.Admits(2.9)) << "twice as long now";
  EXPECT_TRUE(breaker.Admits(3));
  breaker.Left();
  EXPECT_TRUE(breaker.Admits(3)) << "the one before told nothing";
  breaker.Succeeded();
  EXPECT_FALSE(breaker.is_open());
  EXPECT_TRUE(breaker.Admits(3));
}

TEST(BreakerTest, CallsThatBeganBeforeItOpenedDecideNothing) {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) breaker.Failed(0);
  breaker.Succeeded();
  EXPECT_TRUE(breaker.is_open());
  breaker.Failed(0.5);
  EXPECT_TRUE(breaker.Admits(1));
}

TEST(BreakerTest, NoPauseIsLongerThanAllowed) {
  Breaker breaker;
  for (int i = 0; i < 5; ++i) breaker.Failed(0);
  double now = 0;
  for (int i = 0; i < 20; ++i) {
    now += breaker.RetryAfter(now);
    ASSERT_TRUE(breaker.Admits(now));
    breaker.Failed(now);
  }
  EXPECT_NEAR(breaker.RetryAfter(now), 30, 1e-9);
}

}  // namespace
}  // namespace raceway::engine::schedule
