#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>

#include "engine/clock.h"
#include "engine/load/admission.h"
#include "engine/load/load_job.h"
#include "engine/load/read_queue.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"

namespace raceway::operators {

/// What `load { … }` asks of a model.
struct LoadHints {
  enum class Priority : uint8_t { kLow, kNormal, kHigh };

  Priority priority = Priority::kNormal;
  bool streams = false;                                       // lets go of weights after their use
  uint64_t max_bytes = std::numeric_limits<uint64_t>::max();  // that its weights may hold

  bool is_bounded() const { return max_bytes != std::numeric_limits<uint64_t>::max(); }
};

/// Of a step's hints; those that are no `load` are passed over.
///
/// Errors   InvalidArgument for values that no compiler writes
engine::Result<LoadHints> ReadLoadHints(std::span<const engine::HintSpec> hints);

/// In the loader's words, of a load that begins `now`: low is bulk, which comes after all that
/// requests wait for; normal is near; high is near and due at once, so before all others that are
/// near.
struct LoadClass {
  engine::load::Urgency urgency;
  engine::TimePoint deadline;
};
LoadClass ClassOf(LoadHints::Priority priority, engine::TimePoint now);

/// How the pipelined loader reads the weights of the model file `path` from `now` on: as soon as
/// the hints ask, with the room that there is for them, and heard by who listens to loads.
engine::load::LoadOptions ReadOptionsOf(const LoadHints& hints, const std::filesystem::path& path,
                                        engine::TimePoint now);

/// Room for all that is in the file `path`, for loaders that say nothing of what arrives: to be
/// held until they are done.
///
/// Errors   as `MemoryClaim::Take`
engine::Result<std::unique_ptr<engine::load::MemoryClaim>> ClaimAll(
    const std::filesystem::path& path, const LoadHints& hints);

}  // namespace raceway::operators
