#pragma once

#include "engine/load/strategies/strategy.h"
#include "engine/result.h"

/// One function for each strategy. They run in `AnswerCold`'s surroundings (inference mode, gates
/// installed, no optimiser) and leave `ColdAnswer::begin` to it.
namespace raceway::engine::load {

Result<ColdAnswer> AnswerSequential(const ColdRequest& request);
Result<ColdAnswer> AnswerSequentialFast(const ColdRequest& request);
Result<ColdAnswer> AnswerMmap(const ColdRequest& request);
Result<ColdAnswer> AnswerPisel(const ColdRequest& request);
Result<ColdAnswer> AnswerMini(const ColdRequest& request);
Result<ColdAnswer> AnswerPreload(const ColdRequest& request);
Result<ColdAnswer> AnswerCicada(const ColdRequest& request);
Result<ColdAnswer> AnswerRaceway(const ColdRequest& request);
Result<ColdAnswer> AnswerTetris(const ColdRequest& request);
Result<ColdAnswer> AnswerOptimus(const ColdRequest& request);

/// Of a package, by any of them. What the loader leaves to LibTorch's own is loaded by that here.
///
/// Errors   as `AnswerCold`
Result<ColdAnswer> AnswerPackage(Strategy strategy, const ColdRequest& request);

void ForgetIdleTensors();  // tetris
void ForgetIdleModels();   // optimus

}  // namespace raceway::engine::load
