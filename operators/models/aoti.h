#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/result.h"
#include "operators/models/loaded_model.h"
#include "operators/models/options.h"

namespace raceway::operators {

/// Whether the content of a file is a `.pt2` archive, whatever it is called.
bool IsAotiPackage(const std::filesystem::path& path);

/// Whether this machine's CPU runs a package, and it may be called with `inputs`: tensors, the rows
/// in front. Compiled code asks for neither.
///
/// Errors   InvalidArgument with what it takes; as `LoadAotiPackage`
engine::Status CheckAotiCall(const std::filesystem::path& path, const std::string& shown,
                             std::span<const c10::IValue> inputs);

/// Reads a package that `torch._inductor.aoti_compile_and_package` wrote, for `device`. `weights`
/// is the file that has its weights, empty where they are in the package.
///
/// Compiled code trusts its inputs; the sizes it was compiled for stand in its source, which the
/// package has with it, and `Call` checks them. As many calls run at once as the machine has
/// threads; they share the weights. Those that lie apart from the code, in a blob or in files, may
/// still be on their way when this returns; those in its library are read with it, from a folder
/// that is gone then (for CUDA, with the model).
///
/// Errors   InvalidArgument for what is no whole package, Unsupported for one that was made for
///          other machines or in another way than we know, Unavailable for another device
engine::Result<std::shared_ptr<const LoadedModel>> LoadAotiPackage(
    const std::filesystem::path& path, const std::filesystem::path& weights,
    const ModelOptions& options, c10::Device device);

}  // namespace raceway::operators
