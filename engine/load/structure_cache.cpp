#include "engine/load/structure_cache.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/load/digest.h"

namespace raceway::engine::load {
namespace {

// Some megabytes each: graphs, and the plans of those that have run.
constexpr size_t kMaxStructures = 32;

/// Whether the bytes of a record are part of the key. Not of weights, and not what debuggers want.
bool Counts(std::string_view name) {
  const bool is_code = name.starts_with("code/") && name.ends_with(".py");
  return is_code || name == "data.pkl" || name == "constants.pkl" || name == "version" ||
         name == ".data/version" || name.starts_with("constants/");
}

}  // namespace

Result<std::optional<std::string>> StructureKey(const Archive& archive, const WeightMap& weights) {
  const bool has_weights = std::any_of(
      weights.storages.begin(), weights.storages.end(),
      [](const Storage& storage) { return storage.is_constant() && !storage.is_small(); });
  if (has_weights) return std::optional<std::string>();
  std::vector<const ZipRecord*> records;
  for (const ZipRecord& record : archive.records()) {
    if (Counts(archive.NameOf(record))) records.push_back(&record);
  }
  std::sort(records.begin(), records.end(),
            [](const ZipRecord* a, const ZipRecord* b) { return a->name < b->name; });
  Digest digest;
  for (const ZipRecord* record : records) {
    // As it lies there: who packs the same code in another way gets another structure.
    Result<std::string> bytes = archive.file().Read(record->data_offset, record->packed_size);
    if (!bytes) return std::move(bytes).error();
    digest.Add(archive.NameOf(*record));
    digest.Add(record->is_deflated ? "deflated" : "stored");
    digest.Add(*bytes);
  }
  return std::optional(digest.Text());
}

std::shared_ptr<Structure> StructureCache::Get(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }
  entries_.emplace_front(key, std::make_shared<Structure>());
  by_key_[key] = entries_.begin();
  std::shared_ptr<Structure> structure = entries_.front().second;
  if (entries_.size() > capacity_) {
    by_key_.erase(entries_.back().first);
    entries_.pop_back();
  }
  return structure;
}

void StructureCache::Drop(const std::string& key, const std::shared_ptr<Structure>& structure) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || found->second->second != structure) return;
  entries_.erase(found->second);
  by_key_.erase(found);
}

size_t StructureCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

StructureCache& ProcessStructures() {
  // Never destroyed: modules with static lifetime may still use LibTorch's types.
  static auto* const structures = new StructureCache(kMaxStructures);
  return *structures;
}

}  // namespace raceway::engine::load
