#include "compiler/check/model_signature.h"

#include <utility>

#include "compiler/models/sidecar.h"
#include "dsl/print.h"

namespace raceway::compiler {

bool TakeSidecar(const ast::ModelDecl& decl, const FunctionSpec& spec,
                 const std::map<std::string, FileText>& sidecars, RowFunction& function,
                 dsl::Diagnostics& diagnostics) {
  const std::string path = SidecarPath(spec.source);
  const auto found = sidecars.find(spec.source);
  if (found == sidecars.end()) {
    const std::string name = dsl::SpellName(decl.name.text);
    const engine::Type type{engine::DataType::kF32, {engine::Dim::Size(8)}, false};
    diagnostics
        .Add(dsl::DiagnosticKind::kNoSignature, decl.name.range,
             "model `" + decl.name.text + "` does not say what it takes and gives, and there is " +
                 "no `" + path + "` that does")
        .help = "write `model " + name + "(x: f32[8]) -> (y: f32[8])`, or into that file " +
                SidecarText({{"x", type, {}}}, {{"y", type, {}}});
    return false;
  }
  engine::Result<Sidecar> sidecar = ParseSidecar(found->second.text, spec.source_range);
  if (!sidecar.ok()) {
    diagnostics.Add(dsl::DiagnosticKind::kBadSidecar, spec.source_range,
                    "`" + path + "`: " + sidecar.error().message);
    return false;
  }
  function.name_range = decl.name.range;
  function.params = std::move(sidecar->params);
  function.results = std::move(sidecar->results);
  function.is_from_sidecar = true;
  return true;
}

}  // namespace raceway::compiler
