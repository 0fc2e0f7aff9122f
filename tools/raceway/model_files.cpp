#include "tools/raceway/model_files.h"

#include <chrono>
#include <filesystem>
#include <memory>

#include "compiler/models/check_models.h"
#include "tools/raceway/engine_library.h"
#include "tools/raceway/files.h"
#include "tools/raceway/models/models_request.h"

namespace raceway::tools {

bool CheckModelFiles(const CheckOptions& options, compiler::CompileResult& result) {
  const std::filesystem::path folder = std::filesystem::path(options.flow.file).parent_path();
  HashedFiles files(folder);
  compiler::CheckNamedFiles(result.files, files, result.diagnostics);
  if (result.models.empty()) return true;
  auto* open = reinterpret_cast<ModelsFunction*>(EngineFunction(kModelsFunction));
  if (open == nullptr) return false;
  std::unique_ptr<compiler::ModelReader> reader;
  open({folder, std::chrono::seconds(options.model_seconds)}, reader);
  compiler::CheckModels(result.models, files, *reader, result.diagnostics);
  return true;
}

bool LacksOnlyFiles(const dsl::Diagnostics& diagnostics) {
  bool lacks_any = false;
  for (const dsl::Diagnostic& diagnostic : diagnostics.Sorted()) {
    if (dsl::InfoOf(diagnostic.kind).severity != dsl::Severity::kError) continue;
    if (diagnostic.kind != dsl::DiagnosticKind::kMissingFile) return false;
    lacks_any = true;
  }
  return lacks_any;
}

}  // namespace raceway::tools
