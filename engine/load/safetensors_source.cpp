#include "engine/load/safetensors_source.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/load/byte_reader.h"
#include "engine/load/random_file.h"
#include "engine/load/safetensors_header.h"
#include "engine/load/strict_json.h"

namespace raceway::engine::load {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kMaxIndexBytes = uint64_t{64} << 20;

/// One file; `file` is its index in the map.
class ShardReader {
 public:
  ShardReader(const RandomFile& file, int32_t index) : file_(file), index_(index) {}

  Result<WeightMap> Run() {
    const Result<std::string> length_bytes = file_.Read(0, sizeof(uint64_t));
    if (!length_bytes.ok()) return Broken("is no safetensors file: it is too short");
    const auto length = ByteReader(*length_bytes).Take<uint64_t>();
    if (length > kMaxHeaderBytes) {
      return Broken("has a header of " + std::to_string(length) + " bytes, the limit is " +
                    std::to_string(kMaxHeaderBytes));
    }
    const Result<std::string> header = file_.Read(sizeof length, length);
    if (!header.ok()) return Broken("ends in its header");
    Result<std::vector<SafetensorsEntry>> entries = ParseSafetensorsHeader(*header);
    if (!entries.ok()) return Broken(entries.error().message);
    data_begin_ = sizeof length + length;
    std::stable_sort(entries->begin(), entries->end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    for (const SafetensorsEntry& entry : *entries) {
      if (Status added = Add(entry); !added) return std::move(added).error();
    }
    if (end_ != file_.size() - data_begin_) {
      return Broken("has bytes that are of no tensor", "", data_begin_ + end_);
    }
    return std::move(map_);
  }

 private:
  Error Broken(const std::string& what, const std::string& tensor = {},
               std::optional<uint64_t> offset = std::nullopt) const {
    return file_.Wrong(ErrorCode::kInvalidArgument, what, tensor, offset);
  }

  Status Add(const SafetensorsEntry& entry) {
    const std::optional<ScalarType> dtype = FromSafetensorsName(entry.dtype);
    if (!dtype) {
      return file_.Wrong(ErrorCode::kUnsupported, "has elements of type `" + entry.dtype + "`",
                         entry.name);
    }
    const uint64_t num_bytes = entry.end - entry.begin;
    if (entry.end < entry.begin || entry.begin != end_ || entry.end > file_.size() - data_begin_) {
      return Broken("its bytes overlap others, leave a gap or pass the end", entry.name,
                    data_begin_ + end_);
    }
    const Result<uint64_t> count = NumElements(entry.sizes);
    if (!count.ok()) return Broken(count.error().message, entry.name);
    if (num_bytes % SizeOf(*dtype) != 0 || num_bytes / SizeOf(*dtype) != *count) {
      return Broken(
          "has " + std::to_string(num_bytes) + " bytes for " + std::to_string(*count) + " elements",
          entry.name, data_begin_ + entry.begin);
    }
    end_ = entry.end;
    const size_t next = map_.storages.size();
    const Extent extent{static_cast<int32_t>(next), index_, data_begin_ + entry.begin, num_bytes,
                        std::nullopt};
    map_.storages.push_back({entry.name, *dtype, extent, false});
    map_.tensors.push_back({.name = entry.name,
                            .storage = next,
                            .dtype = *dtype,
                            .offset = 0,
                            .sizes = entry.sizes,
                            .strides = DenseStrides(entry.sizes),
                            .is_quantized = false});
    return Done{};
  }

  const RandomFile& file_;
  const int32_t index_;
  uint64_t data_begin_ = 0;
  uint64_t end_ = 0;  // of the data that have a tensor
  WeightMap map_;
};

/// The shards of an index with the tensors that it wants of each.
using Shards = std::map<std::string, std::vector<std::string>>;

Result<Shards> ReadIndex(const RandomFile& file) {
  const auto broken = [&](const std::string& what, const std::string& name = {}) {
    return file.Wrong(ErrorCode::kInvalidArgument, what, name);
  };
  if (file.size() > kMaxIndexBytes) return broken("is too long for an index");
  const Result<std::string> text = file.Read(0, file.size());
  if (!text.ok()) return text.error();
  const nlohmann::json index = ParseStrictJson(*text);
  const auto weights = index.is_object() ? index.find("weight_map") : index.end();
  if (weights == index.end() || !weights->is_object()) {
    return broken("is no index of safetensors: it has no `weight_map`");
  }
  Shards shards;
  for (const auto& [tensor, shard] : weights->items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    if (name.empty() || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      return broken("is in no file of the same folder", tensor);
    }
    shards[name].push_back(tensor);
  }
  return shards;
}

/// Adds what `names` has of `shard`.
Status AddShard(WeightMap shard, const std::vector<std::string>& names, const RandomFile& file,
                WeightMap& map) {
  std::unordered_map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < shard.tensors.size(); ++i) by_name[shard.tensors[i].name] = i;
  for (const std::string& name : names) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      return file.Wrong(ErrorCode::kInvalidArgument, "is not there, and the index says so", name);
    }
    Tensor tensor = shard.tensors[found->second];
    Storage storage = shard.storages[tensor.storage];
    tensor.storage = map.storages.size();
    storage.extent.storage = static_cast<int32_t>(tensor.storage);
    map.tensors.push_back(std::move(tensor));
    map.storages.push_back(std::move(storage));
  }
  return Done{};
}

Result<WeightMap> ReadShards(const RandomFile& index, const FileOpener& open) {
  const Result<Shards> shards = ReadIndex(index);
  if (!shards.ok()) return shards.error();
  WeightMap map;
  for (const auto& [name, tensors] : *shards) {
    const std::filesystem::path path = std::filesystem::path(index.name()).parent_path() / name;
    const Result<RandomFile> file = open(path);
    if (!file.ok()) return file.error();
    Result<WeightMap> shard = ShardReader(*file, static_cast<int32_t>(map.files.size())).Run();
    if (!shard.ok()) return shard;
    map.files.push_back(path);
    if (Status added = AddShard(*std::move(shard), tensors, *file, map); !added) {
      return std::move(added).error();
    }
  }
  return map;
}

/// An index begins with a brace; a safetensors file has its length there, which is then too large.
bool IsIndex(const RandomFile& file) {
  const Result<std::string> begin = file.Read(0, std::min<uint64_t>(file.size(), 9));
  return begin.ok() && begin->starts_with('{') && (begin->size() < 9 || begin->back() != '{');
}

}  // namespace

Result<WeightMap> ReadSafetensors(const std::filesystem::path& path) {
  return ReadSafetensors(path, &RandomFile::Open);
}

Result<WeightMap> ReadSafetensors(const std::filesystem::path& path, const FileOpener& open) {
  const Result<RandomFile> file = open(path);
  if (!file.ok()) return file.error();
  if (IsIndex(*file)) return ReadShards(*file, open);
  Result<WeightMap> map = ShardReader(*file, 0).Run();
  if (map.ok()) map->files = {path};
  return map;
}

}  // namespace raceway::engine::load
