#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/type.h"

namespace raceway::engine {

/// Whether a dimension is computed from others: `H/2`, `N-1`, `(K-1)/2`.
bool IsFormula(const Dim& dim);

/// A dimension as a polynomial over symbols with rational coefficients, so that equal formulas are
/// equal values: `H/2+H/2` is `H`. Division is exact: `H/2` says that H is even.
///
/// What does not fit (an overflow, a division by something else than a number) gives null.
class DimFormula {
 public:
  static DimFormula Number(int64_t number);
  static DimFormula Symbol(const std::string& name);
  /// Of a size, a symbol or a formula's text; null for text that is none.
  static std::optional<DimFormula> Of(const Dim& dim);

  std::optional<DimFormula> Plus(const DimFormula& other) const;
  std::optional<DimFormula> Minus(const DimFormula& other) const;
  std::optional<DimFormula> Times(const DimFormula& other) const;
  std::optional<DimFormula> Over(const DimFormula& other) const;

  bool IsConstant() const;
  bool IsZero() const { return terms_.empty(); }
  /// Every symbol in it, once.
  std::vector<std::string> Symbols() const;
  /// With each symbol replaced.
  template <typename Function>
  std::optional<DimFormula> Replace(Function with) const {
    DimFormula result;
    for (const auto& [symbols, factor] : terms_) {
      std::optional<DimFormula> term = OfRatio(factor);
      for (const std::string& symbol : symbols) {
        const std::optional<DimFormula> value = with(symbol);
        if (term && value) term = term->Times(*value);
        if (!term || !value) return std::nullopt;
      }
      const std::optional<DimFormula> sum = result.Plus(*term);
      if (!sum) return std::nullopt;
      result = *sum;
    }
    return result;
  }
  /// What `symbol` must be for this to be 0; null unless it stands in one term, alone.
  std::optional<DimFormula> SolveFor(const std::string& symbol) const;

  /// A product of symbols, times a number.
  struct Term {
    std::vector<std::string> symbols;
    int64_t factor = 0;
  };
  /// The terms times their common divisor, `under`; the number comes last.
  std::vector<Term> WholeTerms(int64_t& under) const;

  /// Its value; null for one that has symbols, or is no whole number.
  std::optional<int64_t> WholeNumber() const;

  /// A size where it is a whole number of at least 1, else a symbol: the name, or the text.
  Dim ToDim() const;

 private:
  struct Ratio {
    int64_t over = 0;
    int64_t under = 1;  // > 0, no common divisor
  };

  static std::optional<Ratio> Reduced(int64_t over, int64_t under);
  static std::optional<Ratio> Product(Ratio a, Ratio b);
  static std::optional<Ratio> Sum(Ratio a, Ratio b);
  static DimFormula OfRatio(Ratio ratio);
  std::string Text() const;

  std::map<std::vector<std::string>, Ratio> terms_;  // sorted symbols → factor, never 0
};

}  // namespace raceway::engine
