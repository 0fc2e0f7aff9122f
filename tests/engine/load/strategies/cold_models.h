#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "engine/load/strategies/strategy.h"
#include "tests/engine/load/archives.h"

/// Models that strategies are tried on, and what a plain load makes of them.
namespace raceway::engine::load::testing {

struct ColdModel {
  std::string name;
  std::filesystem::path path;
  std::vector<c10::IValue> inputs;
};

/// Of each kind that there is: scripted, traced, frozen, with control flow, tied weights, views,
/// lists and dictionaries of tensors, adapted as LoRA does, quantised, deflated, with threads of
/// its own, with state; and silero-vad as it is shipped. Each answers with a tensor.
std::vector<ColdModel> ModelsOfAllKinds(const TemporaryFolder& folder);

/// Convolutions as many as `widths`, and two layers of 256 × 256 that classify, like VGG's; saved
/// as `name`. Equal seeds give equal weights.
ColdModel SaveVgg(const TemporaryFolder& folder, const std::string& name,
                  const std::vector<int64_t>& widths, uint64_t seed = 1);

/// Square weights w0, w1, …, of `width`, one for each seed, and a body for
/// "def forward(self, x):".
ColdModel SaveSquares(const TemporaryFolder& folder, const std::string& name,
                      const std::string& body, const std::vector<uint64_t>& seeds,
                      int64_t width = 64);

/// Of all weights that are not read with the structure.
uint64_t BytesOfWeights(const std::filesystem::path& path);

/// What a plain load answers.
at::Tensor StockAnswer(const ColdModel& model);

/// Events, from all threads.
class EventLog {
 public:
  LoadEventSink sink() {
    return [this](const LoadEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    };
  }
  /// Those of a lane.
  std::vector<LoadEvent> Of(Lane lane) const;
  uint64_t BytesOf(Lane lane) const;

 private:
  mutable std::mutex mutex_;
  std::vector<LoadEvent> events_;
};

/// The answer; fails the test if there is none.
ColdAnswer AnswerOf(Strategy strategy, const ColdRequest& request);

}  // namespace raceway::engine::load::testing
