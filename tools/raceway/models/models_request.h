#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "compiler/models/model_reader.h"

namespace raceway::tools {

/// What `raceway check --models` asks of the shared library that holds the engine.
struct ModelsRequest {
  std::filesystem::path base_dir;  // what paths in the flow are relative to
  std::chrono::seconds limit{30};  // for one model to be loaded and run
};

/// The library's third function: gives a reader that runs each model in a process of its own, so
/// that whatever a model does ends with it.
using ModelsFunction = void(const ModelsRequest& request,
                            std::unique_ptr<compiler::ModelReader>& reader);
constexpr const char kModelsFunction[] = "raceway_models";

}  // namespace raceway::tools
