#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/result.h"
#include "operators/models/loaded_model.h"
#include "operators/models/options.h"

namespace raceway::operators {

/// Loads the file that `options` name, relative to `folder`. What kind it is its content says: an
/// AOTInductor package, else TorchScript. `device` is "cpu", "cuda" or "cuda:1".
///
/// Errors   Unavailable for a missing file or device, Unsupported for an unknown device,
///          InvalidArgument for a file that is no model
engine::Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::filesystem::path& folder,
                                                             const ModelOptions& options,
                                                             const std::string& device);

/// One model for each content (as its SHA-256 says, or else for each path and hash), device and way
/// of loading it, for as long as somebody holds it. Loading waits for others that load, so that two
/// steps of one deployment never load the same file twice.
///
/// Errors   as `LoadModel`
/// Threads  any
engine::Result<std::shared_ptr<const LoadedModel>> ShareModel(const std::filesystem::path& folder,
                                                              const ModelOptions& options,
                                                              const std::string& device);

}  // namespace raceway::operators
