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
/// Errors   Unavailable for a missing file or device and for too little memory, Unsupported for an
/// unknown device,
///          InvalidArgument for a file that is no model
engine::Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::filesystem::path& folder,
                                                             const ModelOptions& options,
                                                             const std::string& device);

/// One model for each content (as its SHA-256 says, or else for each path and hash), device and way
/// of loading it, for as long as somebody holds it and all of it can be read: who asks for one
/// whose weights have failed gets another. Whoever wants a model that is being loaded waits for it;
/// different ones are loaded side by side.
///
/// Errors   as `LoadModel`
/// Threads  any
engine::Result<std::shared_ptr<const LoadedModel>> ShareModel(const std::filesystem::path& folder,
                                                              const ModelOptions& options,
                                                              const std::string& device);

}  // namespace raceway::operators
