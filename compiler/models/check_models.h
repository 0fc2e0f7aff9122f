#pragma once

#include <string>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/lower/lower.h"
#include "compiler/models/model_reader.h"
#include "dsl/diagnostic.h"

namespace raceway::compiler {

/// A model of a flow file whose declaration has no mistake.
struct DeclaredModel {
  std::string name;
  std::string source;  // relative to the folder of the main file
  dsl::SourceRange source_range;
  std::vector<DeclaredColumn> params;
  std::vector<DeclaredColumn> results;
  bool is_from_sidecar = false;  // the flow leaves the signature to the sidecar
  engine::Value::Record settings = {};
};

/// The models that a file declares itself, in its order.
std::vector<DeclaredModel> ModelsOf(const Declarations& declarations);

/// Compares what models are declared to take and give with what their files say: with the sidecar
/// where there is one, else with what a run on zeros shows. A fixed size in the flow goes with a
/// symbol of the file; the other way it does not.
///
/// Errors   in `diagnostics`: files that are missing (E0801) or no models (E0802), that differ
///          from the declaration (E0803), models that fail (E0804), wrong sidecars (E0805)
/// Time     up to six runs of each model, one after the other
void CheckModels(const std::vector<DeclaredModel>& models, Files& files, ModelReader& reader,
                 dsl::Diagnostics& diagnostics);

}  // namespace raceway::compiler
