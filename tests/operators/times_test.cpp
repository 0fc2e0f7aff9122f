#include <gtest/gtest.h>

#include "tests/operators/calls.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT

constexpr int64_t kSecond = 1'000'000'000;

Arg Durations() { return {Ints({3 * kSecond, -kSecond}), "duration"}; }
Arg Timestamps() { return {Ints({10 * kSecond, 4 * kSecond}), "timestamp"}; }
Arg Second() { return {{}, "duration", Value(kSecond)}; }

/// What a contract says of two scalars.
std::string TypeOf(const std::string& name, const std::string& a, const std::string& b) {
  const engine::Type types[] = {T(a), T(b)};
  const Result<engine::Type> type = Contracts().FindColumnFunction(name)->TypeOf(types, {});
  return type.ok() ? ToString(*type) : type.error().message;
}

TEST(TimesTest, AreAddedAndSubtracted) {
  EXPECT_EQ(Eval("sub", {Timestamps(), {Ints({9 * kSecond, 9 * kSecond}), "timestamp"}}),
            "1000000000 -5000000000");
  EXPECT_EQ(Eval("add", {Timestamps(), Durations()}), "13000000000 3000000000");
  EXPECT_EQ(Eval("add", {Durations(), Second()}), "4000000000 0");
  EXPECT_EQ(Eval("neg", {Durations()}), "-3000000000 1000000000");
  EXPECT_EQ(Eval("abs", {Durations()}), "3000000000 1000000000");
}

TEST(TimesTest, AreMultipliedByNumbersOfEveryType) {
  EXPECT_EQ(Eval("mul", {Durations(), {Ints({2, 3}), "i64"}}), "6000000000 -3000000000");
  EXPECT_EQ(Eval("mul", {{Floats({0.5F, 1.5F}), "f32"}, Durations()}), "1500000000 -1500000000");
  for (const std::string type : {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"}) {
    EXPECT_EQ(Eval("mul", {Durations(), OfType(type, {100, 100})}), "300000000000 -100000000000")
        << type;
    EXPECT_EQ(Eval("div", {Durations(), OfType(type, {2, 3})}), "1500000000 -333333334") << type;
  }
  EXPECT_EQ(Eval("mul", {{OfType("u16", {60000, 1})}, Durations()}), "180000000000000 -1000000000");
}

TEST(TimesTest, ByATimeAreANumber) {
  EXPECT_EQ(Eval("div", {Durations(), Second()}), "3 -1");
  EXPECT_EQ(Eval("div", {Second(), Durations()}), "0.333333 -1");
}

TEST(TimesTest, WhatDoesNotFitIsAnErrorOfItsRow) {
  EXPECT_EQ(Eval("mul", {Durations(), {Floats({1, 1e20F}), "f32"}}),
            "failed: row 2: the result is too long for a time");
  EXPECT_EQ(Eval("div", {Durations(), {Floats({0, 1}), "f32"}}),
            "failed: row 1: the result is too long for a time");
  EXPECT_EQ(Eval("div", {Durations(), {Ints({1, 0}), "i64"}}),
            "failed: row 2: division of an integer by 0");
}

TEST(TimesTest, NeverWrapAround) {
  constexpr int64_t kMost = INT64_MAX;
  const Arg most = {Ints({0, kMost}), "duration"};
  const Arg least = {Ints({0, INT64_MIN}), "duration"};
  const auto pairs = [](int64_t last) {
    return Column(at::tensor(std::vector<int64_t>{1, 2, kMost, last}, at::kLong).view({2, 2}));
  };
  const std::string too_long = "failed: row 2: the result is too long for a time";
  EXPECT_EQ(Eval("add", {most, Second()}), too_long);
  EXPECT_EQ(Eval("add", {{Ints({0, kMost}), "timestamp"}, Second()}), too_long);
  EXPECT_EQ(Eval("sub", {least, Second()}), too_long);
  EXPECT_EQ(Eval("neg", {least}), too_long);
  EXPECT_EQ(Eval("abs", {least}), too_long);
  EXPECT_EQ(Eval("mul", {most, {Ints({2, 2}), "i64"}}), too_long);
  EXPECT_EQ(Eval("div", {least, {Ints({1, -1}), "i64"}}), too_long);
  EXPECT_EQ(Eval("sum", {{pairs(1), "duration[2]"}}),
            "failed: row 2: the sum is too long for a time");
  EXPECT_EQ(Eval("sum", {{pairs(-1), "duration[2]"}}), "3 9223372036854775806");
}

TEST(TimesTest, GoWithNumbersThatOnlyAnUnsignedOneHolds) {
  const Arg large = {Ints({-1, INT64_MIN}).dense().view(at::kUInt64), "u64"};  // 2^64 - 1 and 2^63
  EXPECT_EQ(Eval("div", {Durations(), large}), "0 -1");
  EXPECT_EQ(Eval("mul", {{Ints({0, -1}), "duration"}, large}), "0 -9223372036854775808");
  EXPECT_EQ(Eval("mul", {large, Durations()}), "failed: row 1: the result is too long for a time");
}

TEST(TimesTest, HaveAnOrder) {
  EXPECT_EQ(Eval("gt", {Durations(), Second()}), "true false");
  EXPECT_EQ(Eval("eq", {Timestamps(), Timestamps()}), "true true");
  EXPECT_EQ(Eval("max", {{Vectors({{1, 3}, {2, 0}}, at::kLong), "duration[2]"}}), "3 2");
}

TEST(TimesTest, AreReadAndWrittenAsText) {
  EXPECT_EQ(Eval("duration", {{Texts({"900ms", "-1.5s"}), "string"}}), "900000000 -1500000000");
  EXPECT_EQ(Eval("string", {Durations()}), "'3s' '-1s'");
  EXPECT_EQ(Eval("string", {Timestamps()}), "'1970-01-01T00:00:10Z' '1970-01-01T00:00:04Z'");
  EXPECT_EQ(Eval("timestamp", {{Texts({"1970-01-01T00:00:01Z", "now"}), "string"}}),
            "failed: row 2: \"now\" is not a timestamp such as \"2026-11-28T21:17:50Z\"");
}

TEST(TimesTest, GoWithNothingElse) {
  EXPECT_EQ(TypeOf("add", "timestamp", "timestamp"),
            "`+` wants two durations, or a timestamp and a duration, these are timestamp and "
            "timestamp");
  EXPECT_EQ(TypeOf("sub", "duration", "timestamp"),
            "`-` wants two durations, two timestamps, or a timestamp and a duration, these are "
            "duration and timestamp");
  EXPECT_EQ(TypeOf("mul", "duration", "duration"),
            "`*` wants a duration and a number, these are duration and duration");
  EXPECT_EQ(TypeOf("div", "i64", "duration"),
            "`/` wants a duration and a number, or two durations, these are i64 and duration");
  EXPECT_EQ(TypeOf("mod", "duration", "duration"),
            "`mod` wants numbers, these are duration and duration");
  EXPECT_EQ(TypeOf("lt", "duration", "i64"),
            "`<` wants two numbers, times or strings of one type, these are duration and i64");
}

}  // namespace
}  // namespace raceway::operators
