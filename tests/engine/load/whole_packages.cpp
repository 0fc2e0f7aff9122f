#include "tests/engine/load/whole_packages.h"

#include <ATen/ops/clone.h>
#include <ATen/ops/equal.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "engine/gate.h"
#include "engine/load/weight_gate.h"

namespace raceway::engine::load::testing {

PackageOptions SmallReads(const TemporaryFolder& folder) {
  PackageOptions options;
  options.load.plan.chunk_bytes = 4096;
  options.num_calls = 2;
  options.writes_inputs = true;
  options.code_cache = folder / "code";
  return options;
}

Result<at::Tensor> TryAnswer(StreamedPackage& package, const at::Tensor& input,
                             const CancelToken& cancel) {
  const c10::InferenceMode inference;
  try {
    return package.Run({input.clone()}, cancel).at(0);
  } catch (const WeightMissing& missing) {
    return missing.error;
  } catch (const Stopped& stopped) {
    return Error{stopped.code, "stopped"};
  }
}

Result<at::Tensor> TryPackage(ReadScheduler& scheduler, const std::filesystem::path& path,
                              const std::filesystem::path& weights, const at::Tensor& input,
                              PackageOptions options) {
  const Result<std::shared_ptr<StreamedPackage>> package =
      StreamedPackage::Load(scheduler, path, weights, std::move(options));
  if (!package) return package.error();
  return TryAnswer(**package, input);
}

std::string Verdict(const Result<at::Tensor>& answer, const at::Tensor& expected) {
  if (!answer) return std::string(NameOf(answer.error().code)) + ": " + answer.error().message;
  return at::equal(*answer, expected) ? "right" : "wrong";
}

}  // namespace raceway::engine::load::testing
