#include "tools/raceway/plugins/contract_cache.h"

#include <filesystem>
#include <system_error>

#include "engine/cache_folder.h"
#include "engine/input_file.h"
#include "operators/plugins/contract_json.h"
#include "tools/raceway/write_file.h"

namespace raceway::tools {
namespace {

/// Empty where the user has no such folder.
std::filesystem::path CacheFile(const std::string& sha256) {
  const std::filesystem::path folder = engine::CacheFolder();
  return folder.empty() ? folder : folder / "plugins" / (sha256 + ".json");
}

}  // namespace

std::optional<std::vector<engine::FunctionContract>> CachedContracts(const std::string& sha256) {
  const std::filesystem::path file = CacheFile(sha256);
  if (file.empty()) return std::nullopt;
  const engine::Result<std::string> text = engine::ReadFile(file, 1 << 24);
  if (!text.ok()) return std::nullopt;
  auto contracts = operators::ContractsFromJson(*text);
  // A file that is torn or of another release is written anew.
  if (!contracts.ok()) return std::nullopt;
  return *std::move(contracts);
}

void CacheContracts(const std::string& sha256,
                    const std::vector<engine::FunctionContract>& contracts) {
  const std::filesystem::path file = CacheFile(sha256);
  if (file.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  // Without it the library is looked into again next time.
  static_cast<void>(WriteFile(file, operators::ContractsAsJson(contracts)));
}

}  // namespace raceway::tools
