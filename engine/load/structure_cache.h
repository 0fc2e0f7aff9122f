#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/torchscript_structure.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// What says which archives have one structure: a strong hash of their code, of what their modules
/// are made of, and of small constants. Nothing where weights are constants of the code, as in
/// frozen modules: code compiled for one model has that model's weights in its graphs. Who makes
/// modules on several devices adds the device, since a structure is of one.
///
/// Errors   Unavailable if the archive cannot be read
Result<std::optional<std::string>> StructureKey(const Archive& archive, const WeightMap& weights);

/// The structures used last, by their keys. Others may go on being used.
///
/// Threads  any
class StructureCache {
 public:
  explicit StructureCache(size_t capacity) : capacity_(capacity) {}

  /// The structure of a key; a new one if there is none yet.
  std::shared_ptr<Structure> Get(const std::string& key);
  /// It is not what its key says, or is of no use.
  void Drop(const std::string& key, const std::shared_ptr<Structure>& structure);
  size_t size() const;

 private:
  using Entry = std::pair<std::string, std::shared_ptr<Structure>>;

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // used last in front
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

/// The one of this process; it stays to the end.
StructureCache& ProcessStructures();

}  // namespace raceway::engine::load
