#include "tests/engine/schedule/batch_simulation.h"

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

namespace raceway::engine::schedule::testing {

BatchSimulated Simulate(const BatchSimulation& simulation) {
  std::mt19937_64 random(simulation.seed);
  std::exponential_distribution<double> gap(simulation.calls_per_second);
  std::uniform_real_distribution<double> noise(0.95, 1.05);
  std::vector<double> arrivals(static_cast<size_t>(simulation.num_calls));
  double at = 0;
  for (double& arrival : arrivals) arrival = at += gap(random);
  std::vector<double> shares;
  for (const BatchSimulation::Flow& flow : simulation.flows) shares.push_back(flow.share);
  std::discrete_distribution<size_t> draw_flow(shares.begin(), shares.end());
  std::vector<size_t> flows;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    flows.push_back(shares.size() > 1 ? draw_flow(random) : 0);
  }
  const double over = arrivals.back();

  BatchQueue queue(simulation.limits);
  struct Running {
    BatchQueue::Taken batch;
    double since;
    double end;
  };
  std::optional<Running> running;
  std::optional<double> ask_again;
  std::vector<double> latencies;
  BatchSimulated result;
  result.in_time_by_flow.resize(shares.size());
  double num_batches = 0;
  double num_late = 0;
  size_t next = 0;
  while (next < arrivals.size() || running || ask_again) {
    double now = next < arrivals.size() ? arrivals[next] : kNever;
    if (running) now = std::min(now, running->end);
    if (ask_again && !running) now = std::min(now, *ask_again);
    if (running && running->end == now) {
      queue.Ended(running->batch.rows, now - running->since);
      for (const EntryId id : running->batch.batch) {
        const double latency = now - arrivals[static_cast<size_t>(id)];
        latencies.push_back(latency);
        if (latency > simulation.deadline) ++num_late;
        if (now > over) continue;
        result.answers_per_second += 1 / over;
        if (latency > simulation.deadline) continue;
        result.in_time_per_second += 1 / over;
        result.in_time_by_flow[flows[static_cast<size_t>(id)]] += 1 / over;
      }
      running.reset();
    } else if (next < arrivals.size() && arrivals[next] == now) {
      queue.Add({.id = EntryId(next),
                 .deadline = now + simulation.deadline,
                 .flow = FlowId(flows[next]),
                 .weight = simulation.flows[flows[next]].weight},
                now);
      ++next;
    }
    if (running) continue;
    BatchQueue::Taken taken = queue.Take(now);
    ask_again = taken.ask_again;
    if (taken.batch.empty()) continue;
    ++num_batches;
    result.mean_rows += static_cast<double>(taken.rows);
    const double end = now + simulation.batch_seconds(taken.rows) * noise(random);
    running = Running{std::move(taken), now, end};
  }
  result.mean_rows /= num_batches;
  result.late = num_late / static_cast<double>(simulation.num_calls);
  std::sort(latencies.begin(), latencies.end());
  result.p50 = latencies[latencies.size() / 2];
  result.p99 = latencies[latencies.size() * 99 / 100];
  return result;
}

std::function<double(int64_t)> Affine(double fixed, double row) {
  return [=](int64_t rows) { return (fixed + row * static_cast<double>(rows)) / 1000; };
}

}  // namespace raceway::engine::schedule::testing
