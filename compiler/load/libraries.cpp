#include "compiler/load/libraries.h"

#include <variant>

#include "compiler/load/modules.h"

namespace raceway::compiler {

std::map<std::string, engine::Result<std::vector<engine::FunctionContract>>> ReadLibraries(
    const dsl::ast::File& file, const std::string& folder, Files& files) {
  std::map<std::string, engine::Result<std::vector<engine::FunctionContract>>> libraries;
  for (const dsl::ast::Item& item : file.items) {
    const auto* fn = std::get_if<dsl::ast::FnDecl>(&item);
    if (fn == nullptr) continue;
    for (const dsl::ast::Entry& entry : fn->block.entries) {
      const bool is_library = entry.key.text == "library" && entry.value &&
                              entry.value->kind == dsl::ast::Expr::Kind::kString;
      if (!is_library || libraries.contains(entry.value->text)) continue;
      libraries.emplace(entry.value->text, files.Functions(PathIn(folder, entry.value->text)));
    }
  }
  return libraries;
}

}  // namespace raceway::compiler
