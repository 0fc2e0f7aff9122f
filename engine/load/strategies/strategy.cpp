#include "engine/load/strategies/strategy.h"

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <utility>

#include "engine/gate.h"
#include "engine/load/strategies/answers.h"

namespace raceway::engine::load {
namespace {

using Answerer = Result<ColdAnswer> (*)(const ColdRequest& request);

constexpr StrategyInfo kStrategies[] = {
    {Strategy::kSequential, "sequential", "LibTorch loads all of it, then it runs"},
    {Strategy::kSequentialFast, "sequential-fast",
     "all weights at once past the page cache, then it runs"},
    {Strategy::kMmap, "mmap", "weights are the mapped file, then it runs"},
    {Strategy::kPisel, "pisel", "layer by layer: initialise, read and copy, run"},
    {Strategy::kMini, "mini", "pisel on placeholders, which are not initialised"},
    {Strategy::kPreload, "preload", "pisel that reads ahead and copies what has come"},
    {Strategy::kCicada, "cicada", "placeholders, and reading ahead"},
    {Strategy::kRaceway, "raceway", "each operator waits for the weights it reads"},
    {Strategy::kTetris, "tetris", "tensors that are in memory are shared, others loaded"},
    {Strategy::kOptimus, "optimus", "an idle model is made into the one that is wanted"},
};

constexpr Answerer kAnswerers[] = {
    &AnswerSequential, &AnswerSequentialFast, &AnswerMmap,    &AnswerPisel,  &AnswerMini,
    &AnswerPreload,    &AnswerCicada,         &AnswerRaceway, &AnswerTetris, &AnswerOptimus,
};
static_assert(std::size(kAnswerers) == std::size(kStrategies));

Result<ColdAnswer> AnswerModule(Strategy strategy, const ColdRequest& request) {
  Result<ColdAnswer> answer = kAnswerers[static_cast<size_t>(strategy)](request);
  const bool is_left = !answer && answer.error().code == ErrorCode::kUnsupported;
  return is_left ? AnswerSequential(request) : std::move(answer);
}

}  // namespace

std::span<const StrategyInfo> Strategies() { return kStrategies; }

std::optional<Strategy> StrategyNamed(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kStrategies), std::end(kStrategies),
                   [name](const StrategyInfo& info) { return info.name == name; });
  if (found == std::end(kStrategies)) return std::nullopt;
  return found->strategy;
}

Result<ColdAnswer> AnswerCold(Strategy strategy, const ColdRequest& request) {
  if (Status gate = InstallOperatorGate(); !gate) return std::move(gate).error();
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard optimiser(false);  // as the model operator has it
  const TimePoint begin = SteadyClock().Now();
  Result<ColdAnswer> answer =
      request.is_package ? AnswerPackage(strategy, request) : AnswerModule(strategy, request);
  if (answer) answer->begin = begin;
  return answer;
}

void ForgetIdle() {
  ForgetIdleTensors();
  ForgetIdleModels();
}

}  // namespace raceway::engine::load
