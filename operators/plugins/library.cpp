#include "operators/plugins/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "operators/plugins/library_file.h"
#include "operators/plugins/signature.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::SettingContract;
using engine::Status;

constexpr char kManifest[] = "raceway_plugin";

Error Wrong(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

SettingContract::Kind KindOf(plugin::Kind kind) {
  switch (kind) {
    case plugin::Kind::kInt: return SettingContract::Kind::kInt;
    case plugin::Kind::kNumber: return SettingContract::Kind::kNumber;
    case plugin::Kind::kString: return SettingContract::Kind::kString;
    case plugin::Kind::kBool: return SettingContract::Kind::kBool;
    case plugin::Kind::kNumbers: return SettingContract::Kind::kNumbers;
    case plugin::Kind::kFile: return SettingContract::Kind::kFile;
  }
  return SettingContract::Kind::kString;
}

Result<SettingContract> SettingOf(const plugin::Setting& setting) {
  const std::string what = "the setting `" + setting.name + "` ";
  if (!IsPlainName(setting.name)) return Wrong(what + "has no name that a flow could write");
  for (const std::string_view taken : {"native", "library"}) {
    if (setting.name == taken) return Wrong(what + "is one that every function has");
  }
  if (!setting.allowed.empty() && setting.kind != plugin::Kind::kString) {
    return Wrong(what + "has `allowed`, which only a kString can have");
  }
  SettingContract contract;
  contract.name = setting.name;
  contract.kind = KindOf(setting.kind);
  contract.required = setting.required;
  contract.allowed = setting.allowed;
  contract.doc = setting.doc;
  contract.least = setting.least;
  contract.greatest = setting.greatest;
  return contract;
}

/// A library in this process, and where it came from.
struct Loaded {
  void* handle = nullptr;
  std::unique_ptr<PluginLibrary> library;
};

/// All of this process: path and hash → library. Never taken down.
struct LoadedLibraries {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, Loaded> all;
  std::map<std::string, int> times_opened;  // of each path, whether or not it was what it should be
};

LoadedLibraries& Libraries() {
  static auto* libraries = new LoadedLibraries();
  return *libraries;
}

/// The loader takes a file for the one it has if the name is the same, so a new file of an old name
/// gets another: `dir/./lib.so`.
std::filesystem::path NewName(const std::filesystem::path& path, int times_opened) {
  std::filesystem::path name = path.parent_path();
  for (int i = 0; i < times_opened; ++i) name /= ".";
  return name / path.filename();
}

/// What the loader said, without the file's path in front.
std::string LoaderError(const std::string& path) {
  const char* said = ::dlerror();
  std::string text = said == nullptr ? "unknown error" : said;
  if (text.starts_with(path + ": ")) text.erase(0, path.size() + 2);
  return text;
}

Result<Loaded> Open(const std::filesystem::path& path, const std::string& shown,
                    LoadedLibraries& libraries) {
  int& times_opened = libraries.times_opened[path.string()];
  const std::string name = NewName(path, times_opened).string();
  Loaded loaded;
  // Symbols of two libraries must not meet, and what is missing shows now, not in a request.
  loaded.handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded.handle == nullptr) {
    return Wrong("`" + shown + "` cannot be loaded: " + LoaderError(name));
  }
  ++times_opened;
  for (const auto& [key, other] : libraries.all) {
    if (other.handle != loaded.handle) continue;
    return Error{ErrorCode::kUnavailable,
                 "`" + shown + "` was overwritten while it is in use; put a new file in its place"};
  }
  const auto* manifest = static_cast<const plugin::Manifest*>(::dlsym(loaded.handle, kManifest));
  if (manifest == nullptr) {
    return Wrong("`" + shown + "` is no plugin: the symbol `" + kManifest + "` is missing");
  }
  if (std::string_view(manifest->built_for) != RACEWAY_PLUGIN_BUILT_FOR) {
    return Error{ErrorCode::kUnsupported, "`" + shown + "` was built for " +
                                              std::string(manifest->built_for) +
                                              ", this Raceway is " + RACEWAY_PLUGIN_BUILT_FOR};
  }
  loaded.library = std::make_unique<PluginLibrary>();
  if (Status declared = loaded.library->Declare(*manifest); !declared) {
    declared.error().message.insert(0, "`" + shown + "`: ");
    return declared.error();
  }
  return loaded;
}

Result<const PluginLibrary*> Load(const std::filesystem::path& path, const std::string& shown,
                                  const std::string* sha256) {
  std::error_code ignored;
  const std::filesystem::path canonical = std::filesystem::canonical(path, ignored);
  LoadedLibraries& libraries = Libraries();
  const std::lock_guard lock(libraries.mutex);
  const Result<LibraryFile> file = ReadLibraryFile(ignored ? path : canonical, shown);
  if (!file) return file.error();
  if (sha256 != nullptr && *sha256 != file->sha256) {
    return Error{ErrorCode::kUnavailable,
                 "`" + shown + "` is not the library the plan was compiled with (its content has " +
                     "changed); compile the flow again"};
  }
  const std::pair key(canonical.string(), file->sha256);
  if (const auto known = libraries.all.find(key); known != libraries.all.end()) {
    return known->second.library.get();
  }
  Result<Loaded> loaded = Open(canonical, shown, libraries);
  if (!loaded) return std::move(loaded).error();
  return libraries.all.emplace(key, *std::move(loaded)).first->second.library.get();
}

}  // namespace

const PluginFunction* PluginLibrary::Find(std::string_view name) const {
  const auto is_it = [&](const PluginFunction& one) { return one.contract.name == name; };
  const auto found = std::find_if(functions_.begin(), functions_.end(), is_it);
  return found == functions_.end() ? nullptr : &*found;
}

std::vector<engine::FunctionContract> PluginLibrary::Contracts() const {
  std::vector<engine::FunctionContract> contracts;
  for (const PluginFunction& function : functions_) contracts.push_back(function.contract);
  return contracts;
}

Status PluginLibrary::Declare(const plugin::Manifest& manifest) {
  try {
    manifest.declare(declared_);
  } catch (const std::exception& exception) {
    return Wrong(std::string("it throws while it declares its functions: ") + exception.what());
  } catch (...) {
    return Wrong("it throws while it declares its functions");
  }
  for (const plugin::Function& function : declared_.functions()) {
    if (Status added = Add(function); !added) return added;
  }
  if (functions_.empty()) return Wrong("it declares no function");
  return engine::Done{};
}

Status PluginLibrary::Add(const plugin::Function& function) {
  Result<engine::FunctionContract> contract = ParseSignature(function.signature());
  if (!contract) return std::move(contract).error();
  const std::string what = "the function `" + contract->name + "`: ";
  if (Find(contract->name) != nullptr) return Wrong(what + "it is there twice");
  if (static_cast<bool>(function.rows()) == static_cast<bool>(function.batches())) {
    return Wrong(what + "either `Rows` or `Batches` says what it computes");
  }
  contract->doc = function.doc();
  for (const plugin::Setting& setting : function.settings()) {
    Result<SettingContract> checked = SettingOf(setting);
    if (!checked) return Wrong(what + checked.error().message);
    const auto is_same = [&](const SettingContract& one) { return one.name == checked->name; };
    if (std::any_of(contract->settings.begin(), contract->settings.end(), is_same)) {
      return Wrong(what + "the setting `" + checked->name + "` is there twice");
    }
    contract->settings.push_back(*std::move(checked));
  }
  functions_.push_back({*std::move(contract), &function});
  return engine::Done{};
}

Result<const PluginLibrary*> LoadLibrary(const std::filesystem::path& path,
                                         const std::string& shown) {
  return Load(path, shown, nullptr);
}

Result<const PluginLibrary*> ShareLibrary(const std::filesystem::path& path,
                                          const std::string& shown, const std::string& sha256) {
  return Load(path, shown, &sha256);
}

}  // namespace raceway::operators
