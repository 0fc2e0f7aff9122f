#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/declarations.h"
#include "engine/dry_run.h"

namespace raceway::compiler {

/// Sizes of symbols with which a model is run, and what follows from them.
struct TrialSizes {
  int64_t num_rows = 1;
  std::map<std::string, int64_t> symbols;
  std::vector<int64_t> any_rank;  // what `...` stands for

  /// Null where a symbol is not known, or the formula gives no size.
  std::optional<int64_t> SizeOf(const engine::Dim& dim) const;
};

/// Two trials for the parameters of a model: every symbol has another size in each of them and
/// differs from the others, and so do the rows, so that sizes of the results tell where they come
/// from. `scale` 1 gives the smallest. None if no sizes suit the formulas.
std::vector<TrialSizes> ChooseSizes(const std::vector<DeclaredColumn>& params, int64_t scale);

/// Whether other scales give other trials.
bool HasSymbols(const std::vector<DeclaredColumn>& params);

/// The parameters at these sizes.
engine::DryRunTrial TrialOf(const std::vector<DeclaredColumn>& params, const TrialSizes& sizes);

/// The dimension that has the size `found[i]` in trial `i`: a number, a symbol, something simple
/// computed from one; else `_`.
std::string DimText(const std::vector<TrialSizes>& trials, const std::vector<int64_t>& found);

}  // namespace raceway::compiler
