#include "engine/load/use_order.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>
#include <unordered_map>

#include "engine/input_file.h"

namespace raceway::engine::load {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{64} << 20;

}  // namespace

std::filesystem::path OrderFileOf(const std::filesystem::path& model) {
  return model.string() + ".order";
}

Result<std::vector<std::string>> ParseUseOrder(std::string_view text) {
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool are_names =
      list.is_array() && std::all_of(list.begin(), list.end(),
                                     [](const nlohmann::json& name) { return name.is_string(); });
  if (are_names) return list.get<std::vector<std::string>>();
  return Error{ErrorCode::kInvalidArgument,
               "an order of use is a JSON list of records: [\"data/3\", \"data/0\"]"};
}

std::string UseOrderText(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump() + "\n";
}

std::vector<std::string> RecordedOrder(const Archive& archive) {
  Result<std::string> text =
      ReadFile(OrderFileOf(archive.file().name()), static_cast<int64_t>(kMaxBytes));
  if (!text.ok()) text = archive.Read(kOrderRecord, kMaxBytes);
  if (!text.ok()) return {};
  Result<std::vector<std::string>> names = ParseUseOrder(*text);
  return names.ok() ? *std::move(names) : std::vector<std::string>();
}

std::vector<size_t> OrderOf(const std::vector<Storage>& storages,
                            const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, size_t> ranks;
  for (const std::string& name : names) ranks.try_emplace(name, ranks.size());
  const auto rank = [&](size_t i) {
    const auto found = ranks.find(storages[i].name);
    const Extent& extent = storages[i].extent;
    return std::tuple(found == ranks.end() ? ranks.size() : found->second, extent.file,
                      extent.offset);
  };
  std::vector<size_t> order(storages.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rank(a) < rank(b); });
  return order;
}

}  // namespace raceway::engine::load
