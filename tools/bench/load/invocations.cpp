#include "tools/bench/load/invocations.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace raceway::bench {
namespace {

constexpr size_t kInvocations = 2426;
constexpr size_t kFunctions = 120;
constexpr int kMinutes = 60;
// Of a gamma distribution of mean 1 by which a function's rate differs from minute to minute.
constexpr double kShape = 1.0 / 3;

/// How often each minute has a call, for one function.
std::vector<double> Bursts(std::mt19937_64& random) {
  std::gamma_distribution<double> rate(kShape, 1 / kShape);
  std::vector<double> minutes(kMinutes);
  for (double& minute : minutes) minute = rate(random) + 1e-6;
  return minutes;
}

}  // namespace

std::vector<Invocation> HourOfInvocations(size_t num_models) {
  std::mt19937_64 random(13);  // the day of the trace that the paper takes
  std::vector<double> popularity(kFunctions);
  for (size_t i = 0; i < kFunctions; ++i) popularity[i] = 1.0 / static_cast<double>(i + 1);
  std::uniform_int_distribution<size_t> any_model(0, num_models - 1);
  std::vector<size_t> model_of(kFunctions);
  std::vector<std::discrete_distribution<int>> minute_of(kFunctions);
  for (size_t i = 0; i < kFunctions; ++i) {
    model_of[i] = any_model(random);
    const std::vector<double> bursts = Bursts(random);
    minute_of[i] = std::discrete_distribution<int>(bursts.begin(), bursts.end());
  }
  std::discrete_distribution<size_t> any_function(popularity.begin(), popularity.end());
  std::uniform_real_distribution<double> within(0, 60);
  std::vector<Invocation> invocations;
  for (size_t i = 0; i < kInvocations; ++i) {
    const size_t function = any_function(random);
    const double second = 60.0 * minute_of[function](random) + within(random);
    invocations.push_back({second, model_of[function]});
  }
  std::sort(invocations.begin(), invocations.end(),
            [](const Invocation& a, const Invocation& b) { return a.second < b.second; });
  return invocations;
}

std::vector<Invocation> Compressed(std::vector<Invocation> invocations, double minutes,
                                   double compression) {
  std::erase_if(invocations, [&](const Invocation& one) { return one.second >= 60 * minutes; });
  for (Invocation& invocation : invocations) invocation.second /= compression;
  return invocations;
}

std::vector<double> SimulatedLatencies(const std::vector<Invocation>& invocations,
                                       const std::vector<double>& seconds) {
  std::vector<double> latencies;
  double free = 0;
  for (const Invocation& invocation : invocations) {
    free = std::max(free, invocation.second) + seconds[invocation.model];
    latencies.push_back(free - invocation.second);
  }
  return latencies;
}

}  // namespace raceway::bench
