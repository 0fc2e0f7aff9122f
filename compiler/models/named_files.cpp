#include "compiler/models/named_files.h"

#include <map>
#include <utility>

#include "engine/value.h"

namespace raceway::compiler {
namespace {

void AddFiles(const FunctionSpec& function, std::vector<NamedFile>& out) {
  const engine::Value settings(function.settings);
  for (const auto& [setting, where] : function.files) {
    const engine::Value* path = settings.Find(setting);
    if (path != nullptr && path->AsString() != nullptr) out.push_back({*path->AsString(), where});
  }
}

}  // namespace

std::vector<NamedFile> NamedFilesOf(const Declarations& declarations) {
  std::vector<NamedFile> named;
  for (const std::string& name : declarations.own) {
    if (const auto found = declarations.functions.find(name);
        found != declarations.functions.end()) {
      AddFiles(found->second.spec, named);
    }
    if (const auto found = declarations.stores.find(name); found != declarations.stores.end()) {
      const FunctionSpec& store = found->second.spec;
      if (store.native != "rocksdb") named.push_back({store.source, store.source_range});
    }
  }
  return named;
}

void CheckNamedFiles(const std::vector<NamedFile>& named, Files& files,
                     dsl::Diagnostics& diagnostics) {
  for (const NamedFile& file : named) {
    const engine::Result<engine::FileSpec> found = files.Describe(file.path);
    if (!found.ok()) ReportMissing(found.error(), file.where, diagnostics);
  }
}

}  // namespace raceway::compiler
