#include "engine/load/torchscript_source.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/load/pickle.h"

namespace raceway::engine::load {
namespace {

using Kind = PickleValue::Kind;

constexpr uint64_t kMaxPickleBytes = uint64_t{256} << 20;
constexpr size_t kMaxTensors = size_t{1} << 20;

/// The tensors of one pickle. Values that hold others are visited once, under their first name.
class PickledTensors {
 public:
  /// `prefix` is of the names of storages: "data/".
  PickledTensors(const Archive& archive, const Pickle& pickle, std::string prefix, WeightMap& map)
      : archive_(archive), pickle_(pickle), prefix_(std::move(prefix)), map_(map) {}

  Status Run() {
    std::vector<Visit> visits = {{pickle_.root, "", false}};
    std::vector<uint8_t> seen(pickle_.values.size());  // 1: seen, 2: as read early
    while (!visits.empty()) {
      const Visit visit = std::move(visits.back());
      visits.pop_back();
      const uint8_t mark = visit.is_early ? 3 : 1;
      const bool is_tensor = IsTensor(visit.value);
      if (!is_tensor && (seen[visit.value] & mark) == mark) continue;
      seen[visit.value] |= mark;
      const size_t first = visits.size();
      Status visited = is_tensor ? AddTensor(visit, visits) : Descend(visit, visits);
      if (!visited) return visited;
      std::reverse(visits.begin() + static_cast<ptrdiff_t>(first), visits.end());
    }
    return Done{};
  }

 private:
  struct Visit {
    uint32_t value;
    std::string name;
    bool is_early;
  };

  Error Broken(const std::string& what, const std::string& name) const {
    return archive_.file().Wrong(ErrorCode::kInvalidArgument, what, name);
  }
  Error Unsupported(const std::string& what) const {
    return archive_.file().Wrong(ErrorCode::kUnsupported, what, prefix_ + "*");
  }

  static std::string Below(const std::string& name, const std::string& part) {
    return name.empty() ? part : name + "." + part;
  }

  /// The function that a value calls; empty for other values.
  std::string_view Called(uint32_t i) const {
    const PickleValue& value = pickle_[i];
    if (value.kind != Kind::kCall) return {};
    const PickleValue& function = pickle_[value.items[0]];
    return function.kind == Kind::kGlobal ? std::string_view(function.text) : std::string_view();
  }

  bool IsTensor(uint32_t i) const {
    const std::string_view called = Called(i);
    return called == "torch._utils _rebuild_tensor_v2" || called == "torch._utils _rebuild_qtensor";
  }

  Status Descend(const Visit& visit, std::vector<Visit>& visits) {
    const PickleValue& value = pickle_[visit.value];
    const auto also = [&](uint32_t i, std::string name, bool is_early) {
      visits.push_back({i, std::move(name), visit.is_early || is_early});
    };
    switch (value.kind) {
      case Kind::kTuple:
      case Kind::kList:
        for (size_t i = 0; i < value.items.size(); ++i) {
          also(value.items[i], Below(visit.name, std::to_string(i)), false);
        }
        return Done{};
      case Kind::kDict:
        for (size_t i = 0; i < value.items.size(); i += 2) {
          also(value.items[i + 1], Below(visit.name, KeyText(value.items[i])), false);
        }
        return Done{};
      case Kind::kObject: {
        if (value.items.size() < 2) return Done{};
        // What is no dictionary of attributes is for a `__setstate__`.
        const bool has_attributes = pickle_[value.items[1]].kind == Kind::kDict;
        also(value.items[1], visit.name, !has_attributes);
        return Done{};
      }
      case Kind::kCall: return DescendIntoCall(visit, visits);
      case Kind::kReference: return Unsupported("has a storage without a tensor");
      default: return Done{};
    }
  }

  std::string KeyText(uint32_t i) const {
    const PickleValue& key = pickle_[i];
    return key.kind == Kind::kText ? key.text : std::to_string(key.number);
  }

  Status DescendIntoCall(const Visit& visit, std::vector<Visit>& visits) {
    const std::string_view called = Called(visit.value);
    const uint32_t arguments = pickle_[visit.value].items[1];
    if (called == "torch.jit._pickle build_tensor_from_id" ||
        called == "torch._tensor _rebuild_from_type_v2" || called.empty()) {
      return Unsupported("is made by `" + std::string(called) + "`");
    }
    // A list or dictionary and its type, a tensor and that it is a parameter.
    if (called.starts_with("torch.jit._pickle ") || called == "torch._utils _rebuild_parameter") {
      const PickleValue& tuple = pickle_[arguments];
      if (tuple.kind != Kind::kTuple || tuple.items.empty()) {
        return Broken("has a list of nothing", prefix_ + "*");
      }
      visits.push_back({tuple.items[0], visit.name, visit.is_early});
      return Done{};
    }
    // A sparse tensor checks its indices; of others (devices, complex numbers, enumerations) there
    // are no tensors below.
    visits.push_back({arguments, visit.name, true});
    return Done{};
  }

  Status AddTensor(const Visit& visit, std::vector<Visit>& visits) {
    const PickleValue& arguments = pickle_[pickle_[visit.value].items[1]];
    const bool is_quantized = Called(visit.value) == "torch._utils _rebuild_qtensor";
    if (arguments.kind != Kind::kTuple || arguments.items.size() < (is_quantized ? 7 : 6)) {
      return Broken("has a tensor of fewer parts than a tensor has", visit.name);
    }
    if (map_.tensors.size() >= kMaxTensors) return Unsupported("has too many tensors");
    const Result<size_t> storage = StorageOf(arguments.items[0]);
    if (!storage.ok()) return storage.error();
    map_.storages[*storage].is_read_early |= visit.is_early;
    Tensor tensor{.name = visit.name,
                  .storage = *storage,
                  .dtype = map_.storages[*storage].dtype,
                  .offset = 0,
                  .sizes = {},
                  .strides = {},
                  .is_quantized = is_quantized};
    const PickleValue& offset = pickle_[arguments.items[1]];
    if (offset.kind != Kind::kInt || offset.number < 0 ||
        !Numbers(arguments.items[2], tensor.sizes) ||
        !Numbers(arguments.items[3], tensor.strides)) {
      return Broken("has a tensor of other parts than a tensor has", visit.name);
    }
    tensor.offset = static_cast<uint64_t>(offset.number);
    const Status checked = CheckWithin(tensor, map_.storages[*storage].extent.size);
    if (!checked) {
      return Broken("tensor `" + visit.name + "` " + checked.error().message,
                    map_.storages[*storage].name);
    }
    map_.tensors.push_back(std::move(tensor));
    // Scales and zero points of channels are tensors that are looked at.
    if (is_quantized) visits.push_back({arguments.items[4], Below(visit.name, "quantizer"), true});
    return Done{};
  }

  bool Numbers(uint32_t i, std::vector<int64_t>& numbers) const {
    const PickleValue& tuple = pickle_[i];
    if (tuple.kind != Kind::kTuple) return false;
    for (const uint32_t item : tuple.items) {
      if (pickle_[item].kind != Kind::kInt) return false;
      numbers.push_back(pickle_[item].number);
    }
    return true;
  }

  /// Of ("storage", its type, key, device, number of elements).
  Result<size_t> StorageOf(uint32_t i) {
    const PickleValue& reference = pickle_[i];
    const PickleValue* tuple =
        reference.kind == Kind::kReference ? &pickle_[reference.items[0]] : nullptr;
    if (tuple == nullptr || tuple->kind != Kind::kTuple || tuple->items.size() != 5 ||
        pickle_[tuple->items[0]].text != "storage" ||
        pickle_[tuple->items[1]].kind != Kind::kGlobal ||
        pickle_[tuple->items[2]].kind != Kind::kText ||
        pickle_[tuple->items[4]].kind != Kind::kInt) {
      return Broken("has a storage of other parts than a storage has", prefix_ + "*");
    }
    const std::string name = prefix_ + pickle_[tuple->items[2]].text;
    const std::string_view type = pickle_[tuple->items[1]].text;
    const std::optional<ScalarType> dtype =
        type.starts_with("torch ") ? FromStorageName(type.substr(6)) : std::nullopt;
    if (!dtype) return Unsupported("has a storage of type `" + std::string(type) + "`");
    return AddStorage(name, *dtype, pickle_[tuple->items[4]].number);
  }

  Result<size_t> AddStorage(const std::string& name, ScalarType dtype, int64_t num_elements) {
    const size_t next = map_.storages.size();
    const ZipRecord* record = archive_.Find(name);
    if (record == nullptr) return Broken("is named and not there", name);
    if (record->is_deflated) {
      return archive_.file().Wrong(ErrorCode::kUnsupported, "is deflated", name);
    }
    const uint64_t count = record->size / SizeOf(dtype);
    if (num_elements < 0 || static_cast<uint64_t>(num_elements) != count) {
      return Broken("has " + std::to_string(record->size) + " bytes, which are not the " +
                        std::to_string(num_elements) + " elements that it should have",
                    name);
    }
    const auto [found, is_new] = by_name_.try_emplace(name, next);
    if (!is_new) {
      if (map_.storages[found->second].dtype == dtype) return found->second;
      return archive_.file().Wrong(ErrorCode::kUnsupported, "is named under two types", name);
    }
    map_.storages.push_back({name, dtype, archive_.ExtentOf(*record, next, 0), false});
    return next;
  }

  const Archive& archive_;
  const Pickle& pickle_;
  const std::string prefix_;
  WeightMap& map_;
  std::unordered_map<std::string, size_t> by_name_;
};

Status AddPickle(const Archive& archive, const std::string& name, WeightMap& map) {
  const Result<std::string> bytes = archive.Read(name + ".pkl", kMaxPickleBytes);
  if (!bytes.ok()) return bytes.error();
  const Result<Pickle> pickle = ReadPickle(*bytes);
  if (!pickle.ok()) {
    return archive.file().Wrong(pickle.error().code, pickle.error().message, name + ".pkl");
  }
  return PickledTensors(archive, *pickle, name + "/", map).Run();
}

/// `names` are those of pickles, in the order in which LibTorch reads them.
Result<WeightMap> ReadPickles(const Archive& archive, std::initializer_list<const char*> names) {
  WeightMap map;
  map.files = {archive.file().name()};
  for (const char* name : names) {
    if (Status added = AddPickle(archive, name, map); !added) return std::move(added).error();
  }
  return map;
}

/// What LibTorch reads as well before it makes a module of an archive, and checks no checksum of.
Status CheckForm(const Archive& archive) {
  constexpr uint64_t kMaxBytes = 64;
  for (const char* name : {"version", ".data/version", "byteorder"}) {
    if (archive.Find(name) == nullptr) continue;
    const Result<std::string> text = archive.Read(name, kMaxBytes);
    if (!text.ok()) return text.error();
    if (*text == "big") {
      return archive.file().Wrong(ErrorCode::kUnsupported, "has its bytes in another order", name);
    }
  }
  return Done{};
}

}  // namespace

bool IsTorchScript(const Archive& archive) {
  return archive.Find("data.pkl") != nullptr && archive.Find("constants.pkl") != nullptr;
}

Result<WeightMap> ReadTorchScript(const Archive& archive) {
  const auto wrong = [&](ErrorCode code, const std::string& what) {
    return archive.file().Wrong(code, what);
  };
  if (archive.Find("model.json") != nullptr) {
    return wrong(ErrorCode::kUnsupported, "was written by a release before 1.4");
  }
  if (archive.Find("data.pkl") == nullptr) {
    return wrong(ErrorCode::kInvalidArgument, "is no TorchScript: it has no record `data.pkl`");
  }
  if (!IsTorchScript(archive)) {
    return wrong(
        ErrorCode::kUnsupported,
        "has weights but no code, as `torch.save` writes it; `torch.jit.save` adds the code");
  }
  if (Status checked = CheckForm(archive); !checked) return std::move(checked).error();
  return ReadPickles(archive, {"constants", "data"});
}

Result<WeightMap> ReadSavedTensor(const Archive& archive) {
  Result<WeightMap> map = ReadPickles(archive, {"data"});
  if (!map.ok() || map->tensors.size() == 1) return map;
  return archive.file().Wrong(ErrorCode::kUnsupported, "has more or less than one tensor");
}

}  // namespace raceway::engine::load
