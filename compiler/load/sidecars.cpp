#include "compiler/load/sidecars.h"

#include <utility>
#include <variant>

#include "compiler/load/modules.h"
#include "compiler/models/sidecar.h"

namespace raceway::compiler {

std::map<std::string, FileText> ReadSidecars(const dsl::ast::File& file, const std::string& folder,
                                             Files& files) {
  std::map<std::string, FileText> sidecars;
  for (const dsl::ast::Item& item : file.items) {
    const auto* model = std::get_if<dsl::ast::ModelDecl>(&item);
    if (model == nullptr || model->signature) continue;
    for (const dsl::ast::Entry& entry : model->block.entries) {
      const bool is_source = entry.key.text == "source" && entry.value &&
                             entry.value->kind == dsl::ast::Expr::Kind::kString;
      if (!is_source || sidecars.contains(entry.value->text)) continue;
      engine::Result<FileText> read = files.Read(PathIn(folder, SidecarPath(entry.value->text)));
      if (read.ok()) sidecars.emplace(entry.value->text, *std::move(read));
    }
  }
  return sidecars;
}

}  // namespace raceway::compiler
