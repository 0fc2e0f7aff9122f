#pragma once

#include <ATen/core/TensorBody.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/load/streamed_package.h"
#include "engine/result.h"
#include "tests/engine/load/archives.h"

/// What the tests of whole packages have in common.
namespace raceway::engine::load::testing {

/// Reads of 4 KiB, code unpacked below `folder`; of code that may write into its inputs.
PackageOptions SmallReads(const TemporaryFolder& folder);

/// The first tensor of an answer to a copy of `input`, or why there is none. What else is thrown
/// passes.
Result<at::Tensor> TryAnswer(StreamedPackage& package, const at::Tensor& input,
                             const CancelToken& cancel = CancelToken());
/// Loads a package and calls it.
Result<at::Tensor> TryPackage(ReadScheduler& scheduler, const std::filesystem::path& path,
                              const std::filesystem::path& weights, const at::Tensor& input,
                              PackageOptions options);

/// "right", "wrong", or the error with its code.
std::string Verdict(const Result<at::Tensor>& answer, const at::Tensor& expected);

}  // namespace raceway::engine::load::testing
