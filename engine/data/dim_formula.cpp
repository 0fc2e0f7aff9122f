#include "engine/data/dim_formula.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace raceway::engine {
namespace {

constexpr std::string_view kSigns = "+-*/()";

/// Reads a formula's text back, by precedence.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<DimFormula> Run() {
    std::optional<DimFormula> formula = Sum();
    return rest_.empty() ? formula : std::nullopt;
  }

 private:
  bool Take(char sign) {
    if (rest_.empty() || rest_.front() != sign) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<DimFormula> Sum() {
    std::optional<DimFormula> left = Product();
    while (left) {
      const bool is_plus = Take('+');
      if (!is_plus && !Take('-')) break;
      const std::optional<DimFormula> right = Product();
      if (!right) return std::nullopt;
      left = is_plus ? left->Plus(*right) : left->Minus(*right);
    }
    return left;
  }

  std::optional<DimFormula> Product() {
    std::optional<DimFormula> left = Factor();
    while (left) {
      const bool is_times = Take('*');
      if (!is_times && !Take('/')) break;
      const std::optional<DimFormula> right = Factor();
      if (!right) return std::nullopt;
      left = is_times ? left->Times(*right) : left->Over(*right);
    }
    return left;
  }

  std::optional<DimFormula> Factor() {
    if (Take('-')) {
      const std::optional<DimFormula> negated = Factor();
      return negated ? DimFormula::Number(0).Minus(*negated) : std::nullopt;
    }
    if (Take('(')) {
      std::optional<DimFormula> inner = Sum();
      return Take(')') ? inner : std::nullopt;
    }
    const std::string_view word = rest_.substr(0, rest_.find_first_of(kSigns));
    if (word.empty()) return std::nullopt;
    rest_.remove_prefix(word.size());
    if (word.front() < '0' || word.front() > '9') return DimFormula::Symbol(std::string(word));
    int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return DimFormula::Number(number);
  }

  std::string_view rest_;
};

}  // namespace

bool IsFormula(const Dim& dim) {
  return !dim.is_size() && dim.symbol.find_first_of(kSigns) != std::string::npos;
}

std::optional<DimFormula::Ratio> DimFormula::Reduced(int64_t over, int64_t under) {
  if (under == 0 || over == INT64_MIN || under == INT64_MIN) return std::nullopt;
  const int64_t divisor = std::gcd(over, under) * (under < 0 ? -1 : 1);
  return Ratio{over / divisor, under / divisor};
}

std::optional<DimFormula::Ratio> DimFormula::Product(Ratio a, Ratio b) {
  int64_t over = 0;
  int64_t under = 0;
  if (__builtin_mul_overflow(a.over, b.over, &over)) return std::nullopt;
  if (__builtin_mul_overflow(a.under, b.under, &under)) return std::nullopt;
  return Reduced(over, under);
}

std::optional<DimFormula::Ratio> DimFormula::Sum(Ratio a, Ratio b) {
  int64_t left = 0;
  int64_t right = 0;
  int64_t over = 0;
  int64_t under = 0;
  if (__builtin_mul_overflow(a.over, b.under, &left) ||
      __builtin_mul_overflow(b.over, a.under, &right) ||
      __builtin_add_overflow(left, right, &over) ||
      __builtin_mul_overflow(a.under, b.under, &under)) {
    return std::nullopt;
  }
  return Reduced(over, under);
}

DimFormula DimFormula::OfRatio(Ratio ratio) {
  DimFormula formula;
  if (ratio.over != 0) formula.terms_[{}] = ratio;
  return formula;
}

DimFormula DimFormula::Number(int64_t number) { return OfRatio({number, 1}); }

DimFormula DimFormula::Symbol(const std::string& name) {
  DimFormula formula;
  formula.terms_[{name}] = {1, 1};
  return formula;
}

std::optional<DimFormula> DimFormula::Of(const Dim& dim) {
  if (dim.is_size()) return Number(dim.size);
  if (!IsFormula(dim)) return Symbol(dim.symbol);
  return Reader(dim.symbol).Run();
}

std::optional<DimFormula> DimFormula::Plus(const DimFormula& other) const {
  DimFormula result = *this;
  for (const auto& [symbols, factor] : other.terms_) {
    const auto [term, is_new] = result.terms_.try_emplace(symbols, factor);
    if (is_new) continue;
    const std::optional<Ratio> sum = Sum(term->second, factor);
    if (!sum) return std::nullopt;
    term->second = *sum;
    if (sum->over == 0) result.terms_.erase(term);
  }
  return result;
}

std::optional<DimFormula> DimFormula::Minus(const DimFormula& other) const {
  const std::optional<DimFormula> negated = other.Times(Number(-1));
  return negated ? Plus(*negated) : std::nullopt;
}

std::optional<DimFormula> DimFormula::Times(const DimFormula& other) const {
  DimFormula result;
  for (const auto& [left, a] : terms_) {
    for (const auto& [right, b] : other.terms_) {
      const std::optional<Ratio> factor = Product(a, b);
      if (!factor) return std::nullopt;
      DimFormula term;
      std::vector<std::string> symbols = left;
      symbols.insert(symbols.end(), right.begin(), right.end());
      std::sort(symbols.begin(), symbols.end());
      term.terms_[std::move(symbols)] = *factor;
      const std::optional<DimFormula> sum = result.Plus(term);
      if (!sum) return std::nullopt;
      result = *sum;
    }
  }
  return result;
}

std::optional<DimFormula> DimFormula::Over(const DimFormula& other) const {
  if (!other.IsConstant() || other.IsZero()) return std::nullopt;
  const Ratio divisor = other.terms_.begin()->second;
  const std::optional<Ratio> inverse = Reduced(divisor.under, divisor.over);
  return inverse ? Times(OfRatio(*inverse)) : std::nullopt;
}

bool DimFormula::IsConstant() const {
  return terms_.empty() || (terms_.size() == 1 && terms_.begin()->first.empty());
}

std::vector<std::string> DimFormula::Symbols() const {
  std::vector<std::string> all;
  for (const auto& [symbols, factor] : terms_) {
    for (const std::string& symbol : symbols) {
      if (std::find(all.begin(), all.end(), symbol) == all.end()) all.push_back(symbol);
    }
  }
  return all;
}

std::optional<DimFormula> DimFormula::SolveFor(const std::string& symbol) const {
  const auto alone = terms_.find({symbol});
  if (alone == terms_.end()) return std::nullopt;
  DimFormula rest = *this;
  rest.terms_.erase({symbol});
  for (const std::string& other : rest.Symbols()) {
    if (other == symbol) return std::nullopt;
  }
  const std::optional<DimFormula> negated = rest.Times(Number(-1));
  return negated ? negated->Over(OfRatio(alone->second)) : std::nullopt;
}

std::optional<int64_t> DimFormula::WholeNumber() const {
  if (!IsConstant()) return std::nullopt;
  const Ratio value = IsZero() ? Ratio{} : terms_.begin()->second;
  return value.under == 1 ? std::optional(value.over) : std::nullopt;
}

Dim DimFormula::ToDim() const {
  const std::optional<int64_t> number = WholeNumber();
  if (number && *number >= 1) return Dim::Size(*number);
  if (number == 0) return Dim::Symbol("-0");  // no size at all; the sign makes it a formula
  return Dim::Symbol(Text());
}

std::vector<DimFormula::Term> DimFormula::WholeTerms(int64_t& under) const {
  under = 1;
  for (const auto& [symbols, factor] : terms_) {
    const std::optional<Ratio> common = Product({under, 1}, {factor.under, 1});
    if (common) under = std::lcm(under, factor.under);
  }
  std::vector<Term> terms;
  for (const auto& [symbols, factor] : terms_) {
    terms.push_back({symbols, factor.over * (under / factor.under)});
  }
  if (!terms.empty() && terms.front().symbols.empty()) {
    std::rotate(terms.begin(), terms.begin() + 1, terms.end());
  }
  return terms;
}

std::string DimFormula::Text() const {
  std::string text;
  int64_t under = 1;
  for (const auto& [symbols, times] : WholeTerms(under)) {
    const int64_t size = times < 0 ? -times : times;
    if (times < 0) text += '-';
    if (times > 0 && !text.empty()) text += '+';
    std::string product;
    for (const std::string& symbol : symbols) product += (product.empty() ? "" : "*") + symbol;
    if (product.empty()) {
      product = std::to_string(size);
    } else if (size != 1) {
      product += "*" + std::to_string(size);
    }
    text += product;
  }
  if (under == 1) return text;
  if (terms_.size() > 1) text = "(" + text + ")";
  return text + "/" + std::to_string(under);
}

}  // namespace raceway::engine
