#include "engine/exec/compete.h"

#include <algorithm>
#include <string>

#include "engine/exec/contest.h"

namespace raceway::engine {

using schedule::Distribution;
using schedule::RacePlan;

namespace {

constexpr double kBudget = 0.1;   // of adaptive races, where none is written
constexpr int kMostReplicas = 4;  // likewise
/// How many calls go by what was learned before it is learned anew.
constexpr int64_t kMostCalls = 256;

double SecondsOf(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// "p90" → 0.9
std::optional<double> QuantileOf(const std::string& word) {
  if (word.size() != 3 || word[0] != 'p') return std::nullopt;
  return std::stod(word.substr(1)) / 100;
}

}  // namespace

Result<std::optional<CompeteHints>> CompeteHints::Read(std::span<const HintSpec> hints) {
  std::optional<CompeteHints> read;
  std::optional<bool> adaptive;
  for (const HintSpec& hint : hints) {
    if (!hint.name.starts_with("compete.")) continue;
    if (!read) read.emplace();
    const int64_t* const number = hint.value.AsInt();
    const bool* const flag = hint.value.AsBool();
    bool is_right = true;
    if (hint.name == "compete.replicas") {
      is_right = number != nullptr && *number >= 1 && *number <= 64;
      if (is_right) read->replicas = static_cast<int>(*number);
    } else if (hint.name == "compete.after" && hint.value.AsString() != nullptr) {
      read->quantile = QuantileOf(*hint.value.AsString());
      is_right = read->quantile.has_value();
    } else if (hint.name == "compete.after") {
      is_right = number != nullptr && *number >= 0;
      if (is_right) read->delay = std::chrono::nanoseconds(*number);
    } else if (hint.name == "compete.budget") {
      read->budget = hint.value.AsNumber();
      is_right = read->budget && *read->budget >= 0;
    } else if (hint.name == "compete.cancel") {
      is_right = flag != nullptr;
      if (is_right) read->cancels = *flag;
    } else if (hint.name == "compete.adaptive") {
      is_right = flag != nullptr;
      if (is_right) adaptive = *flag;
    }
    if (!is_right) {
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = "the hint `" + hint.name + "` cannot be " + ToString(hint.value)};
    }
  }
  if (read) {
    read->adaptive = adaptive.value_or(!read->replicas && !read->delay && !read->quantile);
  }
  return read;
}

Compete::Compete(std::unique_ptr<Operator> racer, CompeteHints hints)
    : racer_(std::move(racer)), hints_(hints) {}

Compete::~Compete() = default;

RacePlan Compete::PlanOf(const Distribution& times) const {
  if (hints_.adaptive) {
    if (!times.is_known()) return {};
    return BestRace(times, hints_.budget.value_or(kBudget),
                    hints_.replicas.value_or(kMostReplicas));
  }
  const int copies = hints_.replicas.value_or(2);
  if (hints_.delay) return {copies, SecondsOf(*hints_.delay)};
  if (!hints_.quantile) return {copies, 0};
  if (!times.is_known()) return {};
  return {copies, times.Quantile(*hints_.quantile)};
}

std::pair<RacePlan, std::shared_ptr<const Distribution>> Compete::PlanNow() const {
  const int64_t call = num_calls_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (learned_.times == nullptr || call >= learned_.next_at) {
    const bool is_learning = hints_.adaptive || hints_.quantile;
    learned_.times =
        std::make_shared<const Distribution>(is_learning ? times_.Now() : Distribution());
    learned_.plan = PlanOf(*learned_.times);
    // More often while little is known.
    learned_.next_at = call + std::clamp(call / 4, int64_t{8}, kMostCalls);
  }
  return {learned_.plan, learned_.times};
}

bool Compete::TakeFromBudget() const {
  // Adaptive races keep theirs by the plan that they choose.
  if (!hints_.budget || hints_.adaptive) return true;
  const double most = *hints_.budget * static_cast<double>(num_calls_.load());
  if (static_cast<double>(num_copies_.fetch_add(1) + 1) <= most) return true;
  num_copies_.fetch_sub(1);
  return false;
}

Result<Batch> Compete::Run(Batch input, RunContext& context) const {
  const auto [plan, times] = PlanNow();
  const auto contest = std::make_shared<Contest>(*this, plan, times, std::move(input), context);
  return contest->RunAndWait();
}

std::optional<Result<Batch>> Compete::Start(Batch input, RunContext& context,
                                            const Answer& answer) const {
  const auto [plan, times] = PlanNow();
  const auto contest = std::make_shared<Contest>(*this, plan, times, std::move(input), context);
  return contest->RunFirst(answer);
}

}  // namespace raceway::engine
