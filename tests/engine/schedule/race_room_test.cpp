#include "engine/schedule/race_room.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>

#include "tests/engine/schedule/race_simulation.h"

namespace raceway::engine::schedule {
namespace {

using testing::Gamma;
using testing::Simulate;
using testing::Simulated;
using testing::Simulation;
using testing::Stragglers;
using namespace std::chrono_literals;

/// 20 ms, seldom up to 200.
std::shared_ptr<const Distribution> Seldom() {
  return std::make_shared<const Distribution>(
      std::vector<Distribution::Point>{{0.018, 1}, {0.022, 0.02}, {0.18, 0.02}, {0.22, 0}});
}

TEST(RaceRoomTest, ACopyStartsOnlyWhereAPlaceIsFree) {
  RaceRoom room(2);
  room.StartFirst(RaceId{1}, Seldom(), TimePoint());
  EXPECT_TRUE(room.StartCopy(RaceId{1}, TimePoint()));
  EXPECT_FALSE(room.StartCopy(RaceId{1}, TimePoint()));
  EXPECT_FALSE(room.StartCopy(RaceId{2}, TimePoint())) << "it has no run";
}

TEST(RaceRoomTest, WhoWouldTakeLongestMakesRoom) {
  RaceRoom room(2);
  const RunId first = room.StartFirst(RaceId{1}, Seldom(), TimePoint());
  const RunId copy = room.StartCopy(RaceId{1}, TimePoint() + 10ms).value();
  RaceRoom later = room;
  EXPECT_EQ(room.GiveUp(TimePoint() + 15ms), copy) << "the first one is nearer to its end";
  EXPECT_EQ(room.num_free(), 1);
  EXPECT_EQ(later.GiveUp(TimePoint() + 25ms), first) << "it is a straggler";
}

TEST(RaceRoomTest, TheOnlyRunOfACallStays) {
  RaceRoom room(2);
  room.StartFirst(RaceId{1}, Seldom(), TimePoint());
  const RunId last = room.StartFirst(RaceId{2}, Seldom(), TimePoint());
  EXPECT_EQ(room.GiveUp(TimePoint() + 50ms), std::nullopt);
  room.End(last);
  EXPECT_TRUE(room.StartCopy(RaceId{1}, TimePoint() + 50ms));
}

TEST(RaceRoomTest, AtNoLoadIsRacingWorseThanNotRacing) {
  for (const auto& draw : {Gamma(1), Gamma(2), Gamma(4), Stragglers(0.02)}) {
    for (const int num_places : {2, 8}) {
      for (const double load : {0.05, 0.3, 0.5, 0.7, 0.8, 0.9}) {
        Simulation simulation{.draw = draw, .num_places = num_places, .load = load};
        const Simulated alone = Simulate(simulation);
        simulation.budget = 0.1;
        const Simulated raced = Simulate(simulation);
        EXPECT_LE(raced.p50, alone.p50 * 1.02) << num_places << " places, load " << load;
        EXPECT_LE(raced.p99, alone.p99 * 1.02) << num_places << " places, load " << load;
        EXPECT_LE(raced.work, 1.1) << num_places << " places, load " << load;
      }
    }
  }
}

TEST(RaceRoomTest, StragglersAreCutFourfoldForNoExtraWork) {
  for (const double load : {0.05, 0.3, 0.5}) {
    Simulation simulation{.draw = Stragglers(0.02), .load = load};
    const Simulated alone = Simulate(simulation);
    simulation.budget = 0.1;
    const Simulated raced = Simulate(simulation);
    EXPECT_LE(raced.p99, alone.p99 / 4) << "load " << load;
    EXPECT_LE(raced.work, 1) << "load " << load;
  }
}

TEST(RaceRoomTest, WhatIsLearnedWhileItRacesIsTheSame) {
  Simulation simulation{.draw = Gamma(4), .load = 0.2, .num_calls = 40'000, .budget = 0.1};
  const Simulated raced = Simulate(simulation);
  EXPECT_GT(raced.plan.copies, 1);
  EXPECT_NEAR(raced.plan.delay, 0.142, 0.03) << "of times that nobody stopped";
}

}  // namespace
}  // namespace raceway::engine::schedule
