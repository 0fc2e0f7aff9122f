#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/result.h"
#include "operators/models/loaded_model.h"
#include "operators/models/options.h"

namespace raceway::operators {

/// Reads a file that `torch.jit.save` wrote, onto `device`. `weights` is the file that has its
/// parameters and buffers, empty where it has them itself.
///
/// Errors   InvalidArgument for what is no TorchScript, has no such method, or keeps state between
///          calls without `options.starts_fresh`, and for weights of another model; Unsupported for
///          weights that lie apart of a model that cannot be streamed
engine::Result<std::shared_ptr<const LoadedModel>> LoadTorchScript(
    const std::filesystem::path& path, const std::filesystem::path& weights,
    const ModelOptions& options, c10::Device device);

}  // namespace raceway::operators
