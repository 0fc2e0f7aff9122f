#include "engine/load/aoti_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "engine/load/strict_json.h"
#include "engine/load/torchscript_source.h"

namespace raceway::engine::load {
namespace {

using nlohmann::json;

constexpr std::string_view kModels = "data/aotinductor/";
constexpr uint64_t kMaxSourceBytes = uint64_t{256} << 20;

/// Of several models the one that is called "model".
std::string FolderOf(const Archive& archive) {
  std::string folder;
  for (const ZipRecord& record : archive.records()) {
    const std::string_view name = archive.NameOf(record);
    if (!name.starts_with(kModels)) continue;
    const std::string found(name.substr(0, name.find('/', kModels.size()) + 1));
    if (folder.empty() || found == std::string(kModels) + "model/") folder = found;
  }
  return folder;
}

/// The last argument that the code hands on when a model is made, "true" or "false": whether its
/// library has the weights. Empty where it says no such thing.
std::string_view IncludesWeights(std::string_view source) {
  constexpr std::string_view kCall = ": AOTInductorModelBase(";
  const size_t begin = source.find(kCall);
  if (begin == source.npos) return {};
  const std::string_view call = source.substr(begin, source.find(") {", begin) - begin);
  const size_t last = call.find_last_of(", \n");
  return last == call.npos ? std::string_view() : call.substr(last + 1);
}

class PackageReader {
 public:
  explicit PackageReader(const Archive& archive) : archive_(archive) {}

  Result<AotiPackage> Run() {
    package_.folder = FolderOf(archive_);
    if (package_.folder.empty()) return Unsupported("has no compiled code in it", "");
    std::string wrapper;
    std::string blob;
    for (const ZipRecord& record : archive_.records()) {
      const std::string name(archive_.NameOf(record));
      if (!name.starts_with(package_.folder)) continue;
      if (name.ends_with(".wrapper.cpp")) wrapper = name;
      if (name.ends_with(".so")) package_.library = name;
      if (name.ends_with("_weights.blob")) blob = name;
    }
    if (wrapper.empty() || package_.library.empty()) {
      return Unsupported("does not say in its source what it was compiled for", "");
    }
    Result<std::string> source = archive_.Read(wrapper, kMaxSourceBytes);
    if (!source.ok()) return std::move(source).error();
    package_.source = *std::move(source);
    const std::string config = package_.folder + "weights_config.json";
    package_.place = !blob.empty()                                 ? AotiWeights::kInBlob
                     : archive_.Find(config) != nullptr            ? AotiWeights::kInFiles
                     : IncludesWeights(package_.source) == "false" ? AotiWeights::kElsewhere
                                                                   : AotiWeights::kInLibrary;
    Result<std::vector<AotiConstant>> constants = ConstantsOfWrapper(package_.source);
    if (constants.ok()) {
      package_.constants = *std::move(constants);
    } else if (package_.place != AotiWeights::kInLibrary) {
      return Unsupported(constants.error().message, wrapper);
    }
    package_.weights.files = {archive_.file().name()};
    Status added = Done{};
    if (package_.place == AotiWeights::kInBlob) added = AddBlob(blob);
    if (package_.place == AotiWeights::kInFiles) added = AddFiles(config);
    if (!added) return std::move(added).error();
    return std::move(package_);
  }

 private:
  Error Broken(const std::string& what, const std::string& record) const {
    return archive_.file().Wrong(ErrorCode::kInvalidArgument, what, record);
  }
  Error Unsupported(const std::string& what, const std::string& record) const {
    return archive_.file().Wrong(ErrorCode::kUnsupported, what, record);
  }

  /// Constants that are not computed, one behind the other: their sizes have the padding in them.
  Status AddBlob(const std::string& name) {
    const ZipRecord& record = *archive_.Find(name);
    if (record.is_deflated) return Unsupported("is deflated", name);
    package_.blob = archive_.ExtentOf(record, 0, 0);
    uint64_t end = 0;
    for (const AotiConstant& constant : package_.constants) {
      if (constant.is_folded) continue;
      if (constant.num_bytes > record.size - end) {
        return Broken("ends before constant `" + constant.name + "`", name);
      }
      WeightMap& map = package_.weights;
      const size_t next = map.storages.size();
      // The checksum is of all of them.
      Extent extent = archive_.ExtentOf(record, next, 0);
      extent.offset += end;
      extent.size = constant.num_bytes;
      extent.crc32 = std::nullopt;
      map.storages.push_back({name + ":" + constant.name, constant.dtype, extent, false});
      Status added = AddTensor(constant.name, next, 0, constant.sizes, constant.strides, name);
      if (!added) return added;
      end += constant.num_bytes;
    }
    if (end == record.size) return Done{};
    return Unsupported("has other bytes than those of its constants", name);
  }

  /// `{"b.weight": ["weight_0", [32, 32], [32, 1], 0], …}`: a file, sizes, strides, an offset.
  Status AddFiles(const std::string& config) {
    const Result<std::string> text = archive_.Read(config, kMaxSourceBytes);
    if (!text.ok()) return text.error();
    const json weights = ParseStrictJson(*text);
    if (!weights.is_object()) return Broken("is no configuration of weights", config);
    for (const auto& [name, entry] : weights.items()) {
      const bool is_entry = entry.is_array() && entry.size() == 4 && entry[0].is_string() &&
                            AreNumbers(entry[1]) && AreNumbers(entry[2]) &&
                            entry[3].is_number_unsigned();
      if (!is_entry) return Broken("does not describe `" + name + "`", config);
      const std::string record = "data/weights/" + entry[0].get<std::string>();
      const Result<size_t> storage = StorageOf(record);
      if (!storage.ok()) return storage.error();
      Status added =
          AddTensor(name, *storage, entry[3].get<uint64_t>(), entry[1].get<std::vector<int64_t>>(),
                    entry[2].get<std::vector<int64_t>>(), record);
      if (!added) return added;
    }
    return Done{};
  }

  static bool AreNumbers(const json& list) {
    return list.is_array() && std::all_of(list.begin(), list.end(), [](const json& number) {
             return number.is_number_unsigned() && number.get<uint64_t>() <= INT64_MAX;
           });
  }

  /// Of an archive in a record, which holds one tensor.
  Result<size_t> StorageOf(const std::string& name) {
    const size_t next = package_.weights.storages.size();
    const auto [found, is_new] = by_name_.try_emplace(name, next);
    if (!is_new) return found->second;
    const ZipRecord* record = archive_.Find(name);
    if (record == nullptr) return Broken("is named and not there", name);
    if (record->is_deflated) return Unsupported("is deflated", name);
    const Result<Archive> saved =
        Archive::Open(archive_.file().Part(record->data_offset, record->size, name));
    if (!saved.ok()) return saved.error();
    Result<WeightMap> map = ReadSavedTensor(*saved);
    if (!map.ok()) return std::move(map).error();
    Storage storage = map->storages.front();
    storage.name = name;
    storage.extent.storage = static_cast<int32_t>(next);
    package_.weights.storages.push_back(std::move(storage));
    return next;
  }

  Status AddTensor(const std::string& name, size_t storage, uint64_t offset,
                   std::vector<int64_t> sizes, std::vector<int64_t> strides,
                   const std::string& record) {
    const Storage& bytes = package_.weights.storages[storage];
    Tensor tensor{.name = name,
                  .storage = storage,
                  .dtype = bytes.dtype,
                  .offset = offset,
                  .sizes = std::move(sizes),
                  .strides = std::move(strides),
                  .is_quantized = false};
    const Status checked = CheckWithin(tensor, bytes.extent.size);
    if (!checked) return Broken("constant `" + name + "` " + checked.error().message, record);
    package_.weights.tensors.push_back(std::move(tensor));
    return Done{};
  }

  const Archive& archive_;
  AotiPackage package_;
  std::unordered_map<std::string, size_t> by_name_;
};

Status CheckMatch(const AotiConstant& constant, const Tensor& tensor) {
  const std::string name = "`" + constant.name + "` ";
  if (tensor.dtype != constant.dtype || tensor.sizes != constant.sizes) {
    return Error{ErrorCode::kInvalidArgument,
                 name + "has another type or shape than the code was compiled for"};
  }
  if (tensor.strides == constant.strides) return Done{};
  return Error{ErrorCode::kUnsupported, name + "lies in another order than the code expects"};
}

/// Whether TorchInductor writes such a weight into the code as numbers, and forgets its name. A
/// count of batches is of no use to code that answers.
bool MayBeInCode(const Tensor& tensor, const WeightMap& weights) {
  const bool is_little = tensor.sizes.empty() || (tensor.sizes.size() == 1 && tensor.sizes[0] <= 8);
  const bool is_of_program = weights.storages[tensor.storage].name.starts_with("data/constants/");
  return is_little && !is_of_program && !tensor.name.ends_with("num_batches_tracked");
}

}  // namespace

bool IsPackage(const Archive& archive) { return archive.Find("archive_format") != nullptr; }

Result<AotiPackage> ReadAotiPackage(const Archive& archive) { return PackageReader(archive).Run(); }

Result<std::vector<size_t>> MatchWeights(const std::vector<AotiConstant>& constants,
                                         const WeightMap& weights) {
  std::unordered_map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < weights.tensors.size(); ++i) {
    by_name.try_emplace(weights.tensors[i].name, i);
  }
  std::vector<size_t> matches;
  std::vector<bool> is_wanted(weights.tensors.size());
  for (const AotiConstant& constant : constants) {
    const auto found = by_name.find(constant.name);
    if (!constant.is_folded && found == by_name.end()) {
      return Error{ErrorCode::kInvalidArgument, "there is no weight `" + constant.name + "`"};
    }
    matches.push_back(constant.is_folded ? weights.tensors.size() : found->second);
    if (constant.is_folded) continue;
    Status checked = CheckMatch(constant, weights.tensors[found->second]);
    if (!checked) return std::move(checked).error();
    is_wanted[found->second] = true;
  }
  for (size_t i = 0; i < weights.tensors.size(); ++i) {
    if (is_wanted[i] || !MayBeInCode(weights.tensors[i], weights)) continue;
    return Error{ErrorCode::kInvalidArgument,
                 "`" + weights.tensors[i].name +
                     "` is no weight of the code, which may have it as numbers of its own: compile "
                     "it with `always_keep_tensor_constants`"};
  }
  return matches;
}

}  // namespace raceway::engine::load
