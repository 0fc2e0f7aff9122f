#pragma once

#include "engine/schedule/distribution.h"

namespace raceway::engine::schedule {

/// How one call races with copies of itself: the first run starts at once, each further one `delay`
/// after the one before, as long as there is no answer; the first answer stops the others.
struct RacePlan {
  int copies = 1;    // with the first
  double delay = 0;  // seconds
};

/// What is to be expected of it where there is room for all copies.
struct RaceForecast {
  double p50 = 0;  // seconds
  double p99 = 0;
  double extra_work = 0;  // to that of no race, -0.1: a tenth less
};

/// Source   a race is longer than t if each of its runs is longer than t less its start; the work
///          of a run is how long the race lasts after its start
RaceForecast Foresee(const Distribution& times, RacePlan plan);

/// The plan with the lowest p99 of those that make no more than a share `budget` of extra work; no
/// race if that gains nothing worth having, or if nothing is known yet.
///
/// Wide times want copies at once, which cost work; stragglers want a late one, which costs none.
RacePlan BestRace(const Distribution& times, double budget, int most_copies);

}  // namespace raceway::engine::schedule
