#pragma once

#include <torch/script.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace raceway::operators {

/// A loaded TorchScript file and what was found out about it. Immutable.
struct ModelFile {
  torch::jit::Module module;
  size_t num_inputs = 0;           // of `forward`
  size_t num_optional_inputs = 0;  // the last ones, which have defaults
  bool writes_inputs = false;      // `forward` may write into its arguments
};

/// `shown` is the path as the flow has it, for messages.
///
/// Errors   Unavailable for a missing file, InvalidArgument for one that is no TorchScript or has
/// no
///          `forward`
engine::Result<std::shared_ptr<const ModelFile>> LoadModel(const std::filesystem::path& path,
                                                           const std::string& shown);

/// One module for each content, as its SHA-256 says, or else for each path and hash, for as long as
/// somebody holds it. Loading waits for others
/// that load, so that two steps of one deployment never load the same file twice.
///
/// Errors   as `LoadModel`
/// Threads  any
engine::Result<std::shared_ptr<const ModelFile>> ShareModel(const std::filesystem::path& path,
                                                            const std::string& shown,
                                                            const std::string& sha256);

/// What matters of an exception out of LibTorch, in one line.
std::string OneLine(std::string_view what);

}  // namespace raceway::operators
