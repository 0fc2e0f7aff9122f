#include "engine/data/time_text.h"

#include <gtest/gtest.h>

#include <random>

namespace raceway::engine {
namespace {

constexpr DataType kTimestamp = DataType::kTimestamp;
constexpr DataType kDuration = DataType::kDuration;
constexpr int64_t kSecond = 1'000'000'000;

TEST(TimeTextTest, ATimestampCountsFrom1970) {
  EXPECT_EQ(TimeFromText("1970-01-01T00:00:00Z", kTimestamp), 0);
  EXPECT_EQ(TimeFromText("1970-01-02T03:04:05.5Z", kTimestamp), 97'445 * kSecond + kSecond / 2);
  EXPECT_EQ(TimeFromText("1970-01-01T01:00:00+01:00", kTimestamp), 0);
  EXPECT_EQ(TimeFromText("1969-12-31T23:59:59.999999999Z", kTimestamp), -1);
  EXPECT_EQ(TimeFromText("2026-11-28T21:17:50Z", kTimestamp), 1'795'900'670 * kSecond);
}

TEST(TimeTextTest, RefusesWhatIsNoTimestamp) {
  for (const char* text :
       {"", "2026-11-28", "2026-11-28T21:17Z", "2026-11-28T21:17:50", "2026-02-30T00:00:00Z",
        "2026-11-28T24:00:00Z", "2026-11-28T21:17:60Z", "2026-11-28T21:17:50.Z",
        "2026-11-28T21:17:50.1234567890Z", "2026-11-28 21:17:50Z", "2026-11-28T21:17:50+1:00",
        "2026-11-28T21:17:50+24:00", "2026-11-28T21:17:50Zx", "2500-01-01T00:00:00Z",
        "1600-01-01T00:00:00Z", "28.11.2026"}) {
    EXPECT_EQ(TimeFromText(text, kTimestamp), std::nullopt) << text;
  }
}

TEST(TimeTextTest, ADurationMayBeNegative) {
  EXPECT_EQ(TimeFromText("-1.5s", kDuration), -1'500'000'000);
  EXPECT_EQ(TimeText(-1'500'000'000, kDuration), "-1500ms");
  for (const char* text : {"", "-", "--1s", "5", "1 s"}) {
    EXPECT_EQ(TimeFromText(text, kDuration), std::nullopt) << text;
  }
}

TEST(TimeTextTest, IsReadBackAsItWas) {
  EXPECT_EQ(TimeText(-1, kTimestamp), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(TimeText(kSecond / 10, kTimestamp), "1970-01-01T00:00:00.1Z");
  for (const DataType type : {kTimestamp, kDuration}) {
    std::mt19937_64 random(7);
    for (const int64_t time : {INT64_MAX, INT64_MIN + 1, int64_t{0}}) {
      EXPECT_EQ(TimeFromText(TimeText(time, type), type), time);
    }
    for (int i = 0; i < 2000; ++i) {
      const auto time = static_cast<int64_t>(random()) / (int64_t{1} << (random() % 60));
      EXPECT_EQ(TimeFromText(TimeText(time, type), type), time) << TimeText(time, type);
    }
  }
}

}  // namespace
}  // namespace raceway::engine
