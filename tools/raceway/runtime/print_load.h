#pragma once

#include <ATen/core/ivalue.h>

#include <cstddef>
#include <span>

#include "engine/load/load_limit.h"
#include "engine/load/load_report.h"
#include "tools/raceway/load_request.h"

namespace raceway::tools {

/// What a run came to.
struct LoadRun {
  engine::load::LoadReport report = {};
  engine::load::LoadRates rates = {};  // just before
  c10::IValue answer = {};
};

/// What answers are compared with: "torch::jit::load".
const char* StockLoaderOf(const LoadRequest& request);

/// On standard output: a line for each run, the stages of the one of median time, and what its
/// limit consists of. Or JSON, if the request says so.
void PrintLoad(const LoadRequest& request, std::span<const LoadRun> runs, size_t median);

}  // namespace raceway::tools
