#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/schedule/batch_queue.h"

namespace raceway::engine::schedule::testing {

/// A model with one instance, and calls of one row that come as they like (Poisson).
struct BatchSimulation {
  std::function<double(int64_t)> batch_seconds;  // by rows; ± 5 %, drawn
  double calls_per_second = 100;
  BatchLimits limits = {};
  double deadline = kNever;  // of each call, from its arrival
  struct Flow {
    double share = 1;  // of the calls
    double weight = 1;
  };
  std::vector<Flow> flows = {{}};
  int64_t num_calls = 20'000;
  uint64_t seed = 1;
};

struct BatchSimulated {
  double p50 = 0;  // seconds, of calls that were answered
  double p99 = 0;
  double mean_rows = 0;           // of a batch
  double answers_per_second = 0;  // until the last call came
  double in_time_per_second = 0;  // goodput
  std::vector<double> in_time_by_flow;
  double late = 0;  // the share of calls that ran and ended after their deadline
};

BatchSimulated Simulate(const BatchSimulation& simulation);

/// Fixed cost and cost of a row, in milliseconds.
std::function<double(int64_t)> Affine(double fixed, double row);

}  // namespace raceway::engine::schedule::testing
