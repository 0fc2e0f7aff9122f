#include "engine/duration.h"

#include <gtest/gtest.h>

#include <random>

namespace raceway::engine {
namespace {

using namespace std::chrono_literals;

TEST(DurationTest, ReadsANumberAndAUnit) {
  EXPECT_EQ(DurationFromText("900ms"), 900ms);
  EXPECT_EQ(DurationFromText("1.5s"), 1500ms);
  EXPECT_EQ(DurationFromText("0.5us"), 500ns);
  EXPECT_EQ(DurationFromText("1_000us"), 1ms);
  EXPECT_EQ(DurationFromText("2min"), 120s);
  EXPECT_EQ(DurationFromText("0.25h"), 15min);
  EXPECT_EQ(DurationFromText("0s"), 0s);
  EXPECT_EQ(DurationFromText("1.50s"), 1500ms);
}

TEST(DurationTest, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "ms", "5 ms", "-5ms", "5m", "5KiB", "1.s", ".5s", "1h30min",
                           "0.5ns", "0.0001us", "3000000h", "99999999999999999999s"}) {
    EXPECT_EQ(DurationFromText(text), std::nullopt) << text;
  }
}

TEST(DurationTest, IsReadBackAsItWas) {
  EXPECT_EQ(ToString(900ms), "900ms");
  EXPECT_EQ(ToString(1500ms), "1500ms");
  EXPECT_EQ(ToString(120s), "2min");
  EXPECT_EQ(ToString(0ns), "0s");
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    const std::chrono::nanoseconds duration(random() >> (1 + random() % 62));
    EXPECT_EQ(DurationFromText(ToString(duration)), duration);
  }
}

}  // namespace
}  // namespace raceway::engine
