#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/load/strategies/cold_model.h"

namespace raceway::engine::load {

/// What PISeL and Cicada load as one: a module with its weights.
struct Layer {
  std::string name;               // "layer1.0"
  std::vector<int32_t> storages;  // numbers
  std::vector<Extent> extents;    // of those, numbered from 0
};

/// The top-level modules, in their order; of lists of layers the elements. What wraps the whole
/// model is looked through. Each storage is in the layer that has it first; each constant of a
/// frozen module is a layer of its own.
std::vector<Layer> LayersOf(const ScannedModel& scanned);

/// The name of the layer that a tensor belongs to: "encoder.layer.3" for
/// "encoder.layer.3.attention.weight".
///
/// `prefix` is what all names begin with, up to a '.'; it counts as one name.
std::string LayerOf(const std::string& tensor, const std::string& prefix);

}  // namespace raceway::engine::load
