// The only file that knows the TOML library.
#include "tools/raceway/params_file.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1  // no library to find at run time
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "tools/raceway/files.h"

namespace raceway::tools {
namespace {

using compiler::ParamSetting;
using engine::Error;
using engine::ErrorCode;

constexpr int64_t kMaxBytes = 1 << 20;

/// "prod.toml:3"
std::string Place(const std::filesystem::path& path, const toml::source_region& source) {
  return path.string() + ":" + std::to_string(source.begin.line);
}

std::optional<engine::Value> ValueOf(const toml::node& node) {
  if (const auto* boolean = node.as_boolean()) return engine::Value(boolean->get());
  if (const auto* integer = node.as_integer()) return engine::Value(int64_t{integer->get()});
  if (const auto* number = node.as_floating_point()) return engine::Value(number->get());
  if (const auto* text = node.as_string()) return engine::Value(text->get());
  return std::nullopt;
}

/// Appends the parameters of a table, whose names begin with `prefix`.
engine::Status Collect(const toml::table& table, const std::string& prefix,
                       const std::filesystem::path& path, std::vector<ParamSetting>& settings) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      if (engine::Status status = Collect(*inner, name + ".", path, settings); !status.ok()) {
        return status;
      }
      continue;
    }
    const std::string place = Place(path, node.source());
    std::optional<engine::Value> value = ValueOf(node);
    if (!value) {
      return Error{ErrorCode::kInvalidArgument,
                   place + ": `" + name + "` is no number, text, `true` or `false`"};
    }
    settings.push_back({name, "", std::move(value), place, place + ": `" + name + "`"});
  }
  return engine::Done{};
}

}  // namespace

engine::Result<std::vector<ParamSetting>> ReadParams(const std::filesystem::path& path) {
  const engine::Result<std::string> text = ReadFile(path, kMaxBytes);
  if (!text.ok()) return text.error();
  const toml::parse_result parsed = toml::parse(*text, path.string());
  if (!parsed) {
    return Error{ErrorCode::kInvalidArgument,
                 Place(path, parsed.error().source()) +
                     ": this is no TOML: " + std::string(parsed.error().description())};
  }
  std::vector<ParamSetting> settings;
  if (engine::Status status = Collect(parsed.table(), "", path, settings); !status.ok()) {
    return status.error();
  }
  return settings;
}

}  // namespace raceway::tools
