#pragma once

#include <cstddef>
#include <vector>

namespace raceway::bench {

/// A request for one of several models.
struct Invocation {
  double second = 0;  // from the beginning
  size_t model = 0;   // index
};

/// Requests as they come to Azure Functions in an hour, 2,426 of them as in the Cicada paper: some
/// functions are called all the time and most hardly ever; each is called by its own bursts; each
/// belongs to one of `num_models`, by chance. In the order of time, the same in each call.
///
/// The trace itself is no part of this repository; this has its form. How often functions are
/// called falls as by Zipf's law; the rate of each changes from minute to minute, as a gamma
/// distribution of shape 1/3 has it.
std::vector<Invocation> HourOfInvocations(size_t num_models);

/// Those of the first `minutes`, in time that is `compression` times as fast.
std::vector<Invocation> Compressed(std::vector<Invocation> invocations, double minutes,
                                   double compression);

/// The latency of each, in seconds, where one is answered at a time, in the order in which they
/// come, and an answer for model `i` takes `seconds[i]`.
std::vector<double> SimulatedLatencies(const std::vector<Invocation>& invocations,
                                       const std::vector<double>& seconds);

}  // namespace raceway::bench
