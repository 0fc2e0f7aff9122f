#include "engine/load/weights_file.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/export_source.h"
#include "engine/load/safetensors_source.h"

namespace raceway::engine::load {
namespace {

/// "float32[3, 4]"
std::string ShapeOf(const Tensor& tensor) {
  std::string text;
  for (const int64_t size : tensor.sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return std::string(NameOf(tensor.dtype)) + "[" + text + "]";
}

uint64_t NumBytesOf(const Tensor& tensor) {
  return *NumElements(tensor.sizes) * SizeOf(tensor.dtype);  // checked by who has read it
}

/// Puts weights where a structure has the names.
class Replacement {
 public:
  explicit Replacement(WeightMap structure)
      : first_file_(static_cast<int32_t>(structure.files.size())),
        by_storage_(structure.storages.size(), nullptr) {
    for (size_t i = 0; i < structure.tensors.size(); ++i) {
      if (structure.storages[structure.tensors[i].storage].is_constant()) continue;
      by_name_.try_emplace(structure.tensors[i].name, i);
    }
    result_.map = std::move(structure);
  }

  Result<OtherWeights> Run(const WeightMap& others) && {
    WeightMap& map = result_.map;
    map.files.insert(map.files.end(), others.files.begin(), others.files.end());
    for (const Tensor& tensor : others.tensors) Put(tensor, others.storages[tensor.storage]);
    if (!wrong_.empty()) return Error{ErrorCode::kInvalidArgument, Wrongs()};
    for (const Tensor& tensor : map.tensors) {
      result_.is_theirs.push_back(by_storage_[tensor.storage] != nullptr);
    }
    return std::move(result_);
  }

 private:
  void Put(const Tensor& tensor, const Storage& bytes) {
    const std::string name = "`" + tensor.name + "` ";
    const auto found = by_name_.find(tensor.name);
    if (found == by_name_.end()) {
      // Constants of an exported program are none of its module's.
      if (bytes.name.starts_with("data/constants/")) return;
      return Wrong(name + "is no weight of the model");
    }
    const Tensor& place = result_.map.tensors[found->second];
    Storage& storage = result_.map.storages[place.storage];
    if (place.is_quantized) return Wrong(name + "is quantised in the model");
    if (place.dtype != tensor.dtype || place.sizes != tensor.sizes) {
      return Wrong(name + "is " + ShapeOf(place) + " in the model, " + ShapeOf(tensor) +
                   " in the file");
    }
    if (place.strides != tensor.strides) return Wrong(name + "lies in another order in the model");
    if (place.offset != 0 || NumBytesOf(place) != storage.extent.size ||
        place.strides != DenseStrides(place.sizes)) {
      return Wrong(name + "is a part of a larger tensor in the model");
    }
    Extent extent = bytes.extent;
    extent.storage = storage.extent.storage;
    extent.file += first_file_;
    extent.offset += tensor.offset * SizeOf(tensor.dtype);
    extent.size = storage.extent.size;
    if (extent.offset % SizeOf(tensor.dtype) != 0) {
      return Wrong(name + "does not begin where its type can: save the file anew");
    }
    if (extent.size != bytes.extent.size) extent.crc32.reset();
    const Tensor*& twin = by_storage_[place.storage];
    if (twin == nullptr) {
      twin = &tensor;
      storage.extent = extent;
    } else if (storage.extent.offset != extent.offset || storage.extent.file != extent.file) {
      Wrong(name + "is tied to `" + twin->name + "` in the model, the file has both");
    }
  }

  void Wrong(std::string what) { wrong_.push_back(std::move(what)); }

  /// The first three.
  std::string Wrongs() const {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(wrong_.size(), 3); ++i) {
      text += (text.empty() ? "" : "; ") + wrong_[i];
    }
    return wrong_.size() > 3 ? text + "; and " + std::to_string(wrong_.size() - 3) + " more" : text;
  }

  const int32_t first_file_;
  OtherWeights result_;
  std::unordered_map<std::string, size_t> by_name_;  // tensors of the structure
  std::vector<const Tensor*> by_storage_;            // of the others, what is there now
  std::vector<std::string> wrong_;
};

}  // namespace

Result<WeightMap> ReadWeightsFile(const std::filesystem::path& path, const FileOpener& open) {
  const Result<RandomFile> file = open(path);
  if (!file) return file.error();
  const Result<Archive> archive = Archive::Open(*file);
  if (archive) return ReadExported(*archive);
  return ReadSafetensors(path, open);
}

Result<OtherWeights> WithOtherWeights(WeightMap structure, const WeightMap& others) {
  return Replacement(std::move(structure)).Run(others);
}

}  // namespace raceway::engine::load
