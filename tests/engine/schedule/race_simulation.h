#pragma once

#include <functional>
#include <random>

#include "engine/schedule/race_plan.h"

namespace raceway::engine::schedule::testing {

/// Draws how long a run takes, in seconds.
using DrawTime = std::function<double(std::mt19937_64&)>;

/// Cloudflow's experiment: Gamma(3, theta) × 10 ms.
DrawTime Gamma(double theta);
/// 20 ms, and of a share of the runs ten times as much.
DrawTime Stragglers(double share);

struct Simulation {
  DrawTime draw;
  int num_places = 8;
  double load = 0.5;  // of the places, by calls that do not race; they come as they like (Poisson)
  int num_calls = 20'000;
  double budget = 0;  // of extra work; 0: no races
  uint64_t seed = 1;
};

struct Simulated {
  double p50 = 0;  // seconds, from the arrival
  double p99 = 0;
  double work = 0;  // seconds in which places were taken, to those of no race
  RacePlan plan;    // the last one
};

/// Sends calls through one stage. Times are learned on the way, as an engine does, and runs have
/// their places from a `RaceRoom`. The calls, and how long their first runs take, depend on the
/// seed alone, so that what races is compared with what does not.
Simulated Simulate(const Simulation& simulation);

}  // namespace raceway::engine::schedule::testing
