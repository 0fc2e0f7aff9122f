#pragma once

#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog.h"
#include "engine/result.h"
#include "operators/plugin.h"

namespace raceway::operators {

/// A function of a loaded library.
struct PluginFunction {
  engine::FunctionContract contract;
  const plugin::Function* function = nullptr;  // of the library
};

/// A library that is loaded into this process, for good: tensors, exceptions and objects it made
/// may be anywhere, with code that is in it, and LibTorch may know of some. Immutable.
class PluginLibrary {
 public:
  PluginLibrary() = default;
  PluginLibrary(const PluginLibrary&) = delete;

  const std::vector<PluginFunction>& functions() const { return functions_; }
  /// Null if there is none of this name.
  const PluginFunction* Find(std::string_view name) const;
  std::vector<engine::FunctionContract> Contracts() const;

  /// Asks the library for its functions.
  ///
  /// Errors   InvalidArgument for what it declares wrongly, or throws
  engine::Status Declare(const plugin::Manifest& manifest);

 private:
  engine::Status Add(const plugin::Function& function);

  plugin::Library declared_;
  std::vector<PluginFunction> functions_;
};

/// Loads a library, whatever that does to this process: first find out in another one
/// (`tools/raceway/plugins/probe.h`).
///
/// Errors   as `ReadLibraryFile`; InvalidArgument if it cannot be loaded or declares something
///          wrongly
/// Threads  any; calls wait for each other
engine::Result<const PluginLibrary*> LoadLibrary(const std::filesystem::path& path,
                                                 const std::string& shown);

/// The same for a library that was found to be fine when its content had this hash. One for each
/// path and hash.
///
/// Errors   as `LoadLibrary`, and Unavailable if the content is another now
engine::Result<const PluginLibrary*> ShareLibrary(const std::filesystem::path& path,
                                                  const std::string& shown,
                                                  const std::string& sha256);

}  // namespace raceway::operators
