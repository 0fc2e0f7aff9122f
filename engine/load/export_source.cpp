#include "engine/load/export_source.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/load/strict_json.h"

namespace raceway::engine::load {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = uint64_t{64} << 20;
constexpr int64_t kStrided = 7;  // of the schema's layouts

/// The members of `[{"as_int": 3}, …]`; nothing for sizes that are symbols.
std::optional<std::vector<int64_t>> Numbers(const json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const json& number : list) {
    if (!number.is_object() || !number.contains("as_int") ||
        !number["as_int"].is_number_integer()) {
      return std::nullopt;
    }
    numbers.push_back(number["as_int"].get<int64_t>());
  }
  return numbers;
}

/// A member of an object; null for others.
const json& Member(const json& object, const char* name) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? kNull : *found;
}

/// The tensors of one folder: "data/weights/".
class ExportedTensors {
 public:
  ExportedTensors(const Archive& archive, std::string folder, WeightMap& map)
      : archive_(archive), folder_(std::move(folder)), map_(map) {}

  Status Run(const std::string& config_name) {
    const std::string name = folder_ + config_name;
    if (archive_.Find(name) == nullptr) return Done{};
    const Result<std::string> text = archive_.Read(name, kMaxConfigBytes);
    if (!text.ok()) return text.error();
    const json root = ParseStrictJson(*text);
    const json& config = Member(root, "config");
    if (!config.is_object()) return Broken("is no configuration of weights", name);
    for (const auto& [tensor, payload] : config.items()) {
      if (Status added = Add(tensor, payload); !added) return added;
    }
    return Done{};
  }

 private:
  Error Broken(const std::string& what, const std::string& record) const {
    return archive_.file().Wrong(ErrorCode::kInvalidArgument, what, record);
  }
  Error Unsupported(const std::string& what, const std::string& record) const {
    return archive_.file().Wrong(ErrorCode::kUnsupported, what, record);
  }

  Status Add(const std::string& name, const json& payload) {
    const json& path = Member(payload, "path_name");
    const json& meta = Member(payload, "tensor_meta");
    const std::string of = "tensor `" + name + "` ";
    const std::string record = folder_ + (path.is_string() ? path.get<std::string>() : "*");
    if (!path.is_string() || !meta.is_object()) return Broken(of + "is not described", record);
    if (Member(payload, "use_pickle") != json(false)) return Unsupported(of + "is pickled", record);
    if (Member(meta, "layout") != json(kStrided)) return Unsupported(of + "is sparse", record);
    const json& number = Member(meta, "dtype");
    const std::optional<ScalarType> dtype =
        number.is_number_integer() ? FromExportNumber(number.get<int64_t>()) : std::nullopt;
    if (!dtype) return Unsupported(of + "has elements of type " + number.dump(), record);
    const auto sizes = Numbers(Member(meta, "sizes"));
    const auto strides = Numbers(Member(meta, "strides"));
    const auto offset = Numbers(json::array({Member(meta, "storage_offset")}));
    if (!sizes || !strides || !offset || offset->front() < 0) {
      return Unsupported(of + "has a size that is no number", record);
    }
    const Result<size_t> storage = StorageOf(record, *dtype);
    if (!storage.ok()) return storage.error();
    Tensor tensor{.name = name,
                  .storage = *storage,
                  .dtype = *dtype,
                  .offset = static_cast<uint64_t>(offset->front()),
                  .sizes = *sizes,
                  .strides = *strides,
                  .is_quantized = false};
    const Status checked = CheckWithin(tensor, map_.storages[*storage].extent.size);
    if (!checked) return Broken(of + checked.error().message, record);
    map_.tensors.push_back(std::move(tensor));
    return Done{};
  }

  Result<size_t> StorageOf(const std::string& name, ScalarType dtype) {
    const size_t next = map_.storages.size();
    const auto [found, is_new] = by_name_.try_emplace(name, next);
    if (!is_new) return found->second;
    const ZipRecord* record = archive_.Find(name);
    if (record == nullptr) return Broken("is named and not there", name);
    if (record->is_deflated) return Unsupported("is deflated", name);
    map_.storages.push_back({name, dtype, archive_.ExtentOf(*record, next, 0), false});
    return next;
  }

  const Archive& archive_;
  const std::string folder_;
  WeightMap& map_;
  std::unordered_map<std::string, size_t> by_name_;
};

}  // namespace

Result<WeightMap> ReadExported(const Archive& archive) {
  WeightMap map;
  map.files = {archive.file().name()};
  for (const std::string name : {"weights", "constants"}) {
    ExportedTensors tensors(archive, "data/" + name + "/", map);
    if (Status added = tensors.Run("model_" + name + "_config.json"); !added) {
      return std::move(added).error();
    }
  }
  return map;
}

}  // namespace raceway::engine::load
