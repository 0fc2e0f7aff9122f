#include "operators/model_file.h"

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// Whether `forward` may write into its arguments, which others may be reading.
bool WritesInputs(const torch::jit::Method& forward) {
  const std::shared_ptr<torch::jit::Graph> graph = forward.graph()->copy();
  torch::jit::Inline(*graph);
  const torch::jit::AliasDb aliases(graph);
  for (size_t i = 1; i < graph->inputs().size(); ++i) {  // 0 is the module itself
    if (aliases.hasWriters(graph->inputs()[i])) return true;
  }
  return false;
}

Result<std::filesystem::path> Canonical(const std::filesystem::path& path,
                                        const std::string& shown) {
  std::error_code error;
  std::filesystem::path canonical = std::filesystem::canonical(path, error);
  if (!error && std::filesystem::is_regular_file(canonical, error)) return canonical;
  return Error{ErrorCode::kUnavailable,
               "model file " + shown + ": " + (error ? error.message() : "not a file")};
}

/// Then it says what is in the file, wherever that lies.
bool IsSha256(const std::string& hash) { return hash.size() == 64; }

Result<std::shared_ptr<const ModelFile>> LoadFile(const std::filesystem::path& path,
                                                  const std::string& shown) {
  try {
    const c10::InferenceMode inference;
    auto loaded = std::make_shared<ModelFile>();
    loaded->module = torch::jit::load(path.string(), at::kCPU);
    loaded->module.eval();
    const std::optional<torch::jit::Method> forward = loaded->module.find_method("forward");
    if (!forward) {
      return Error{ErrorCode::kInvalidArgument, "model file " + shown + " has no `forward`"};
    }
    const std::vector<c10::Argument>& arguments = forward->function().getSchema().arguments();
    loaded->num_inputs = arguments.size() - 1;
    for (const c10::Argument& argument : arguments) {
      if (argument.default_value()) ++loaded->num_optional_inputs;
    }
    loaded->writes_inputs = WritesInputs(*forward);
    return std::shared_ptr<const ModelFile>(std::move(loaded));
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument,
                 "model file " + shown + " is no TorchScript: " + OneLine(exception.what())};
  }
}

}  // namespace

// TorchScript's messages hold a traceback and, last, the line "RuntimeError: …"; C++'s go on with
// "Exception raised from …".
std::string OneLine(std::string_view what) {
  std::string first;
  std::string error;
  while (!what.empty()) {
    const size_t end = std::min(what.find('\n'), what.size());
    const std::string_view line = what.substr(0, end);
    what.remove_prefix(std::min(end + 1, what.size()));
    if (line.starts_with("Exception raised from")) break;
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) continue;
    if (first.empty()) first = line.substr(start);
    const size_t colon = line.find(": ");
    if (start != 0 || colon == std::string_view::npos) continue;
    const std::string_view kind = line.substr(0, colon);
    if (kind.ends_with("Error") || kind.ends_with("Exception")) {
      error = kind == "RuntimeError" ? line.substr(colon + 2) : line;
    }
  }
  if (error.empty()) error = first;
  return error.empty() ? "unknown error" : error;
}

Result<std::shared_ptr<const ModelFile>> LoadModel(const std::filesystem::path& path,
                                                   const std::string& shown) {
  const Result<std::filesystem::path> canonical = Canonical(path, shown);
  return canonical.ok() ? LoadFile(*canonical, shown) : canonical.error();
}

Result<std::shared_ptr<const ModelFile>> ShareModel(const std::filesystem::path& path,
                                                    const std::string& shown,
                                                    const std::string& sha256) {
  static std::mutex mutex;
  static auto* modules =
      new std::map<std::pair<std::string, std::string>, std::weak_ptr<const ModelFile>>();
  const Result<std::filesystem::path> canonical = Canonical(path, shown);
  if (!canonical.ok()) return canonical.error();
  const std::lock_guard lock(mutex);
  std::weak_ptr<const ModelFile>& known =
      (*modules)[{IsSha256(sha256) ? "" : canonical->string(), sha256}];
  if (std::shared_ptr<const ModelFile> module = known.lock()) return module;
  Result<std::shared_ptr<const ModelFile>> loaded = LoadFile(*canonical, shown);
  if (loaded) known = *loaded;
  return loaded;
}

}  // namespace raceway::operators
