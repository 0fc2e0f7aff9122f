#pragma once

#include <string>
#include <vector>

#include "compiler/check/declarations.h"
#include "engine/result.h"

/// What may lie beside a model's file, in `<file>.json`, and say what the file takes and gives:
///
///     { "inputs": [{ "name": "x", "type": "f32[3, H, W]" }],
///       "outputs": [{ "name": "logits", "type": "f32[1000]" }],
///       "sha256": "…" }
///
/// Types are those of the language, without parameters of a flow; `sha256`, which may be left out,
/// is of the model's file. Other keys are left to other programs.
namespace raceway::compiler {

struct Sidecar {
  std::vector<DeclaredColumn> params;
  std::vector<DeclaredColumn> results;
  std::string sha256;  // empty if it does not say
};

/// Where the sidecar of the model `source` lies.
std::string SidecarPath(const std::string& source);

/// The columns get the place `where`.
///
/// Errors   InvalidArgument, with what is wrong: "the type of `x`, `f33[2]`: no type `f33`"
engine::Result<Sidecar> ParseSidecar(const std::string& text, dsl::SourceRange where);

/// A sidecar that says this, on one line.
std::string SidecarText(const std::vector<DeclaredColumn>& params,
                        const std::vector<DeclaredColumn>& results);

}  // namespace raceway::compiler
