#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clock.h"
#include "engine/load/load_event.h"
#include "engine/load/load_job.h"
#include "engine/load/reader.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// How a model gets into memory and answers its first request: ours, and those it is compared with.
enum class Strategy : uint8_t {
  kSequential,
  kSequentialFast,
  kMmap,
  kPisel,
  kMini,
  kPreload,
  kCicada,
  kRaceway,
  kTetris,
  kOptimus,
};

struct StrategyInfo {
  Strategy strategy;
  std::string_view name;     // "sequential-fast"
  std::string_view meaning;  // one line
};

/// In the order of the enumeration.
std::span<const StrategyInfo> Strategies();
std::optional<Strategy> StrategyNamed(std::string_view name);

/// A request for a model that is not in memory: TorchScript, or a package of AOTInductor.
struct ColdRequest {
  std::filesystem::path model;
  bool is_package = false;  // not looked up here, since that would count as loading
  std::vector<c10::IValue> inputs = {};
  std::string method = "forward";
  std::optional<ThrottleOptions> disk = {};  // as slow as this; else as the disk is
  bool use_page_cache = true;                // for what it holds; else always read past it
  Verify verify = Verify::kBeforePublish;
  LoadEventSink on_event = {};  // also after the answer, while anything is still read
};

struct ColdAnswer {
  c10::IValue value;                     // of a package: the list of its outputs
  TimePoint begin = {};                  // the request is there
  TimePoint end = {};                    // the answer is
  std::shared_ptr<const void> resident;  // what stays in memory, until this goes
};

/// Loads by `strategy` and answers. All strategies give the same answer, bit by bit.
///
/// What the loader leaves to LibTorch's own is loaded by that, whatever the strategy. Compiled code
/// trusts its inputs: whoever asks for a package has seen that it may be called with them.
///
/// Errors   as `StreamedModule::Load`, or of packages as `StreamedPackage::Load`; Failed for what
///          goes wrong while it runs; Unsupported for a package by a strategy of layers or modules
/// Threads  several may run at once
Result<ColdAnswer> AnswerCold(Strategy strategy, const ColdRequest& request);

/// What answers leave behind for later ones goes: tetris' tensors in shared memory that nobody
/// uses, and optimus' models of which nobody holds the `resident`.
void ForgetIdle();

}  // namespace raceway::engine::load
