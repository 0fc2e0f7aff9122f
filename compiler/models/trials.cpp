#include "compiler/models/trials.h"

#include <algorithm>
#include <set>

#include "compiler/check/dims.h"
#include "engine/data/dim_formula.h"

namespace raceway::compiler {
namespace {

using engine::Dim;
using engine::DimFormula;

bool IsAny(const Dim& dim) { return dim.symbol == "_"; }

/// Those of the parameters, in their order.
std::vector<std::string> SymbolsOf(const std::vector<DeclaredColumn>& params) {
  std::vector<std::string> symbols;
  for (const DeclaredColumn& param : params) {
    for (const Dim& dim : param.type.shape) {
      if (dim.is_size() || IsAny(dim) || IsAnyRank(dim)) continue;
      const std::optional<DimFormula> formula = DimFormula::Of(dim);
      if (!formula) continue;
      for (const std::string& symbol : formula->Symbols()) {
        if (std::find(symbols.begin(), symbols.end(), symbol) == symbols.end()) {
          symbols.push_back(symbol);
        }
      }
    }
  }
  return symbols;
}

bool Suit(const std::vector<DeclaredColumn>& params, const TrialSizes& sizes) {
  return std::all_of(params.begin(), params.end(), [&](const DeclaredColumn& param) {
    return std::all_of(param.type.shape.begin(), param.type.shape.end(), [&](const Dim& dim) {
      return IsAny(dim) || IsAnyRank(dim) || sizes.SizeOf(dim);
    });
  });
}

}  // namespace

std::optional<int64_t> TrialSizes::SizeOf(const Dim& dim) const {
  if (dim.is_size()) return dim.size;
  if (const auto known = symbols.find(dim.symbol); known != symbols.end()) return known->second;
  const std::optional<DimFormula> formula = DimFormula::Of(dim);
  if (!formula) return std::nullopt;
  const auto value = formula->Replace([&](const std::string& symbol) -> std::optional<DimFormula> {
    const auto known = symbols.find(symbol);
    if (known == symbols.end()) return std::nullopt;
    return DimFormula::Number(known->second);
  });
  if (!value || !value->ToDim().is_size()) return std::nullopt;
  return value->ToDim().size;
}

std::vector<TrialSizes> ChooseSizes(const std::vector<DeclaredColumn>& params, int64_t scale) {
  const std::vector<std::string> symbols = SymbolsOf(params);
  // Multiples of 4 suit most formulas; where they do not (`(K-1)/2`), something near does.
  for (int64_t offset = 0; offset < 16; ++offset) {
    std::vector<TrialSizes> trials;
    for (int64_t trial = 0; trial < 2; ++trial) {
      TrialSizes sizes;
      sizes.num_rows = 2 + trial;
      int64_t next = 12 + trial * 4 * (static_cast<int64_t>(symbols.size()) + 2);
      for (const std::string& symbol : symbols) {
        sizes.symbols[symbol] = next * scale + offset;
        next += 4;
      }
      sizes.any_rank = {next * scale + 1, next * scale + 2};
      if (Suit(params, sizes)) trials.push_back(std::move(sizes));
    }
    if (trials.size() == 2) return trials;
  }
  return {};
}

bool HasSymbols(const std::vector<DeclaredColumn>& params) {
  return std::any_of(params.begin(), params.end(),
                     [](const DeclaredColumn& param) { return !param.type.is_fixed(); });
}

engine::DryRunTrial TrialOf(const std::vector<DeclaredColumn>& params, const TrialSizes& sizes) {
  engine::DryRunTrial trial;
  trial.num_rows = sizes.num_rows;
  for (const DeclaredColumn& param : params) {
    engine::Type type{param.type.dtype, {}, false};
    for (const Dim& dim : param.type.shape) {
      if (IsAnyRank(dim)) {
        for (const int64_t size : sizes.any_rank) type.shape.push_back(Dim::Size(size));
      } else {
        type.shape.push_back(Dim::Size(sizes.SizeOf(dim).value_or(sizes.any_rank.back() + 1)));
      }
    }
    trial.inputs.push_back(std::move(type));
  }
  return trial;
}

std::string DimText(const std::vector<TrialSizes>& trials, const std::vector<int64_t>& found) {
  if (found.front() == found.back()) return std::to_string(found.front());
  const auto fits = [&](const std::string& symbol, const DimFormula& formula) {
    for (size_t i = 0; i < trials.size(); ++i) {
      const auto size = formula.Replace([&](const std::string&) -> std::optional<DimFormula> {
        return DimFormula::Number(trials[i].symbols.at(symbol));
      });
      if (!size || size->ToDim() != Dim::Size(found[i])) return false;
    }
    return true;
  };
  const auto& symbols = trials.front().symbols;
  for (const auto& [symbol, size] : symbols) {
    const DimFormula same = DimFormula::Symbol(symbol);
    if (fits(symbol, same)) return symbol;
    const int64_t more = found.front() - size;
    if (const auto sum = same.Plus(DimFormula::Number(more)); sum && fits(symbol, *sum)) {
      return ToString(sum->ToDim());
    }
    for (int64_t factor = 2; factor <= 64; factor *= 2) {
      const auto product = same.Times(DimFormula::Number(factor));
      if (product && fits(symbol, *product)) return ToString(product->ToDim());
      const auto quotient = same.Over(DimFormula::Number(factor));
      if (quotient && fits(symbol, *quotient)) return ToString(quotient->ToDim());
    }
  }
  return "_";
}

}  // namespace raceway::compiler
