#include "engine/load/strategies/layers.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

namespace raceway::engine::load {
namespace {

/// Where the name that begins at `begin` ends.
size_t EndOfPart(const std::string& name, size_t begin) {
  return std::min(name.find('.', begin), name.size());
}

bool IsNumber(const std::string& name, size_t begin, size_t end) {
  return begin < end && std::all_of(name.begin() + static_cast<ptrdiff_t>(begin),
                                    name.begin() + static_cast<ptrdiff_t>(end),
                                    [](unsigned char letter) { return std::isdigit(letter) != 0; });
}

/// What all names of tensors begin with, whole modules: "model." or nothing.
std::string SharedPrefix(const std::vector<Tensor>& tensors) {
  std::string prefix = tensors.empty() ? "" : tensors.front().name;
  for (const Tensor& tensor : tensors) {
    const auto [end, other] =
        std::mismatch(prefix.begin(), prefix.end(), tensor.name.begin(), tensor.name.end());
    prefix.erase(end, prefix.end());
  }
  return prefix.substr(0, prefix.rfind('.') + 1);
}

}  // namespace

std::string LayerOf(const std::string& tensor, const std::string& prefix) {
  const size_t end = EndOfPart(tensor, prefix.size());
  const size_t next = std::min(end + 1, tensor.size());
  const size_t next_end = EndOfPart(tensor, next);
  return tensor.substr(0, IsNumber(tensor, next, next_end) ? next_end : end);
}

std::vector<Layer> LayersOf(const ScannedModel& scanned) {
  std::unordered_map<size_t, int32_t> numbers;
  for (size_t i = 0; i < scanned.awaited.size(); ++i) {
    numbers.emplace(scanned.awaited[i], static_cast<int32_t>(i));
  }
  const std::string prefix = SharedPrefix(scanned.weights.tensors);
  std::vector<Layer> layers;
  std::unordered_map<std::string, size_t> by_name;
  for (const Tensor& tensor : scanned.weights.tensors) {
    const auto number = numbers.find(tensor.storage);
    if (number == numbers.end()) continue;  // read at once, or in a layer before
    // A constant's name is its number, which may be that of a module's list as well.
    const bool is_constant = scanned.weights.storages[tensor.storage].name.starts_with("constants");
    const std::string name =
        is_constant ? "constants." + tensor.name : LayerOf(tensor.name, prefix);
    const auto [layer, is_new] = by_name.try_emplace(name, layers.size());
    if (is_new) layers.push_back({name, {}, {}});
    Layer& to = layers[layer->second];
    to.extents.push_back(scanned.extents[static_cast<size_t>(number->second)]);
    to.extents.back().storage = static_cast<int32_t>(to.storages.size());
    to.storages.push_back(number->second);
    numbers.erase(number);
  }
  return layers;
}

}  // namespace raceway::engine::load
