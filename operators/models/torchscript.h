#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/result.h"
#include "operators/models/loaded_model.h"
#include "operators/models/options.h"

namespace raceway::operators {

/// Reads a file that `torch.jit.save` wrote, onto `device`. `shown` is its path in messages.
///
/// Errors   InvalidArgument for what is no TorchScript, has no such method, or keeps state between
///          calls without `options.starts_fresh`
engine::Result<std::shared_ptr<const LoadedModel>> LoadTorchScript(
    const std::filesystem::path& path, const std::string& shown, const ModelOptions& options,
    c10::Device device);

}  // namespace raceway::operators
