#pragma once

#include <c10/core/Storage.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "engine/load/arena.h"
#include "engine/load/strategies/cold_model.h"
#include "engine/load/strategies/transform_plan.h"

namespace raceway::engine::load {

/// Memory of a resident model: a storage of its own.
struct ResidentBlock {
  std::shared_ptr<Arena> arena;
  uint64_t offset;  // in it
  std::optional<uint32_t> crc32;
  c10::Storage storage;

  std::byte* data() const { return arena->data() + offset; }
};

/// A model that is whole and in memory.
struct ResidentModel {
  torch::jit::Module module;
  Placeholders early;
  TransformModel shape;
  std::vector<ResidentBlock> blocks;  // as those of `shape`
};

/// The models that idle in this process, to be made into others. A model that somebody holds is
/// busy, and not here.
///
/// Threads  any
class ResidentModels {
 public:
  static constexpr size_t kMaxIdle = 2;  // of more, the one that idles longest goes

  static ResidentModels& Instance();

  /// The model that becomes `wanted` soonest, if one does sooner than by a cold load, and the plan;
  /// else null and the cold load.
  std::pair<std::unique_ptr<ResidentModel>, TransformPlan> Take(const TransformModel& wanted,
                                                                const TransformCosts& costs);
  /// Idle from now on.
  void Put(std::unique_ptr<ResidentModel> model);
  void Clear();
  size_t CountIdle();

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<ResidentModel>> idle_;  // longest first
};

/// Numbers for contents: of storages of files that have been read and compared. So what is equal is
/// known when a file is loaded again.
///
/// Threads  any
class ContentNames {
 public:
  static ContentNames& Instance();

  /// -1 for one that has not been read.
  int64_t Find(const ModelFile& file, const Extent& extent);
  /// The storage has this content; a new one if that is -1.
  int64_t Set(const ModelFile& file, const Extent& extent, int64_t content);

 private:
  using Key = std::tuple<uint64_t, uint64_t, uint64_t, int64_t, int64_t, uint64_t>;
  static constexpr size_t kMaxKnown = 1 << 20;  // then all is forgotten
  static Key KeyOf(const ModelFile& file, const Extent& extent);

  std::mutex mutex_;
  std::map<Key, int64_t> known_;
  int64_t next_ = 0;
};

/// A name for all of an archive but its weights' values: equal for models of the same code, in
/// which other weights may lie. Reads the code and the pickles.
///
/// Errors   as `RandomFile::Read`
Result<std::string> StructureOf(const ScannedModel& scanned);

/// Whether a module's runs leave nothing behind but what its storages show, and its storages are
/// all that was made of its weights: no attribute is written, none is a list or a dictionary, and
/// no class has a `__setstate__`.
bool IsPure(const torch::jit::Module& module);

}  // namespace raceway::engine::load
