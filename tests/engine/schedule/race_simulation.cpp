#include "tests/engine/schedule/race_simulation.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <tuple>
#include <vector>

#include "engine/schedule/race_room.h"
#include "engine/schedule/service_times.h"

namespace raceway::engine::schedule::testing {
namespace {

constexpr int64_t kPlanEvery = 500;  // calls

TimePoint At(double seconds) {
  return TimePoint() + std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

/// The stage, its calls and what happens when.
class Stage {
 public:
  explicit Stage(const Simulation& simulation)
      : simulation_(simulation),
        room_(simulation.num_places),
        copy_times_(simulation.seed + 1),
        distribution_(std::make_shared<const Distribution>()) {
    std::mt19937_64 random(simulation.seed);
    double mean = 0;
    for (int i = 0; i < simulation.num_calls; ++i) {
      calls_.push_back({.time = simulation.draw(random)});
      mean += calls_.back().time / simulation.num_calls;
    }
    std::exponential_distribution<double> gap(simulation.load * simulation.num_places / mean);
    double arrival = 0;
    for (size_t i = 0; i < calls_.size(); ++i) {
      calls_[i].arrival = arrival += gap(random);
      events_.push({arrival, Kind::kArrival, i, RunId{}});
    }
  }

  Simulated Run() {
    while (!events_.empty()) {
      const auto [time, kind, call, run] = events_.top();
      events_.pop();
      now_ = time;
      if (kind == Kind::kArrival) Arrive(call);
      if (kind == Kind::kEnd && runs_.count(run) > 0) End(call, run);
      if (kind == Kind::kCopy && calls_[call].runs_left > 0) StartCopy(call);
    }
    std::vector<double> latencies;
    double alone = 0;
    for (const Call& call : calls_) {
      latencies.push_back(call.end - call.arrival);
      alone += call.time;
    }
    std::sort(latencies.begin(), latencies.end());
    return {latencies[latencies.size() / 2], latencies[latencies.size() * 99 / 100], work_ / alone,
            plan_};
  }

 private:
  enum class Kind : uint8_t { kEnd, kArrival, kCopy };
  using Event = std::tuple<double, Kind, size_t, RunId>;
  struct Call {
    double time;  // that its first run takes
    double arrival = 0;
    double end = 0;
    int runs_left = 0;
    int copies_left = 0;
  };
  struct Running {
    size_t call;
    double since;
  };

  void Arrive(size_t call) {
    waiting_.push_back(call);
    if (room_.num_free() == 0) {
      if (const auto given_up = room_.GiveUp(At(now_))) Stop(*given_up);
    }
    StartWaiting();
  }

  void StartWaiting() {
    while (room_.num_free() > 0 && !waiting_.empty()) {
      const size_t call = waiting_.front();
      waiting_.pop_front();
      calls_[call].copies_left = plan_.copies - 1;
      Begin(call, room_.StartFirst(RaceId(call), distribution_, At(now_)), calls_[call].time);
    }
  }

  void StartCopy(size_t call) {
    if (!waiting_.empty()) return;
    if (const auto run = room_.StartCopy(RaceId(call), At(now_))) {
      Begin(call, *run, simulation_.draw(copy_times_));
    }
  }

  void Begin(size_t call, RunId run, double time) {
    runs_.emplace(run, Running{call, now_});
    ++calls_[call].runs_left;
    events_.push({now_ + time, Kind::kEnd, call, run});
    if (calls_[call].copies_left-- > 0) {
      events_.push({now_ + plan_.delay, Kind::kCopy, call, RunId{}});
    }
  }

  void End(size_t call, RunId run) {
    times_.AddEnded(At(now_) - At(runs_.at(run).since));
    Leave(run);
    room_.End(run);
    for (auto other = runs_.begin(); other != runs_.end();) {
      const auto [id, running] = *other++;
      if (running.call != call) continue;
      room_.End(id);
      Stop(id);
    }
    calls_[call].end = now_;
    if (++num_ended_ % kPlanEvery == 0 && simulation_.budget > 0) {
      distribution_ = std::make_shared<const Distribution>(times_.Now());
      plan_ = BestRace(*distribution_, simulation_.budget, 3);
    }
    StartWaiting();
  }

  void Stop(RunId run) {
    times_.AddStopped(At(now_) - At(runs_.at(run).since));
    Leave(run);
  }

  void Leave(RunId run) {
    const Running running = runs_.at(run);
    runs_.erase(run);
    work_ += now_ - running.since;
    --calls_[running.call].runs_left;
  }

  const Simulation& simulation_;
  RaceRoom room_;
  std::mt19937_64 copy_times_;
  std::shared_ptr<const Distribution> distribution_;
  ServiceTimes times_;
  RacePlan plan_;
  double now_ = 0;
  double work_ = 0;
  int64_t num_ended_ = 0;
  std::vector<Call> calls_;
  std::deque<size_t> waiting_;
  std::map<RunId, Running> runs_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace

DrawTime Gamma(double theta) {
  return [theta](std::mt19937_64& random) {
    return std::gamma_distribution<double>(3, theta * 0.01)(random);
  };
}

DrawTime Stragglers(double share) {
  return [share](std::mt19937_64& random) {
    const double body = std::uniform_real_distribution<double>(0.018, 0.022)(random);
    return std::bernoulli_distribution(share)(random) ? 10 * body : body;
  };
}

Simulated Simulate(const Simulation& simulation) { return Stage(simulation).Run(); }

}  // namespace raceway::engine::schedule::testing
