#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The order in which a model first uses its weights, so that they are read in it. A hint: names
/// may be missing or unknown, and nothing but speed depends on it.
///
/// It is a JSON list of names of storages, `["data/3", "data/0", "constants/1"]`, in the record
/// `extra/raceway_order` of an archive (which LibTorch takes for a file of the user's), or in a
/// file beside the model, `resnet.pt.order`, which counts more.
inline constexpr std::string_view kOrderRecord = "extra/raceway_order";

/// `resnet.pt.order` of `resnet.pt`.
std::filesystem::path OrderFileOf(const std::filesystem::path& model);

/// The names in the text of such a list.
///
/// Errors   InvalidArgument for another text
Result<std::vector<std::string>> ParseUseOrder(std::string_view text);

/// The text of a list.
std::string UseOrderText(const std::vector<std::string>& names);

/// What is recorded for an archive; empty where nothing is, or what is there is no such list.
std::vector<std::string> RecordedOrder(const Archive& archive);

/// Indices of `storages` in the order to read them: those that `names` has, as it has them, then
/// the others as they lie in their files.
std::vector<size_t> OrderOf(const std::vector<Storage>& storages,
                            const std::vector<std::string>& names);

}  // namespace raceway::engine::load
