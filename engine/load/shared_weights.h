#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "engine/load/arena.h"
#include "engine/load/model_file.h"
#include "engine/load/streamed_options.h"
#include "engine/load/weight_map.h"

namespace raceway::engine::load {

/// Memory for the weights of a model that all processes have which load it in the same way.
struct SharedWeights {
  std::shared_ptr<Arena> arena;  // null: there is none to be had, a note says why
  bool is_published = false;     // they are in it; else they are to be read into it
  std::function<void(bool all_are_right)> on_settled = {};  // of the load: publishes it
};

/// They are the same weights if they are in the same file, unchanged, at the same places, with the
/// same checksums, and become the same type. Waits while another process reads them.
///
/// Input    num_bytes  of memory
SharedWeights ShareWeights(const ModelFile& file, std::span<const Storage* const> storages,
                           const StreamedOptions& options, uint64_t num_bytes);

}  // namespace raceway::engine::load
