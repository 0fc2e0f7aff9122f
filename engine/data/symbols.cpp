#include "engine/data/symbols.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/dim_formula.h"
#include "engine/data/text_tensor.h"

namespace raceway::engine {
namespace {

using Sizes = std::map<std::string, int64_t>;  // of symbols, in one row

/// A dimension of a column.
struct Occurrence {
  size_t column = 0;
  size_t dim = 0;
};

/// A dimension that is computed.
struct Computed {
  Occurrence where;
  DimFormula formula;
};

/// "`N` is 3, `M` is 2", of those in the formula.
std::string SizesText(const DimFormula& formula, const Sizes& sizes) {
  std::string text;
  for (const std::string& symbol : formula.Symbols()) {
    const auto found = sizes.find(symbol);
    if (found == sizes.end()) continue;
    text += (text.empty() ? "`" : ", `") + symbol + "` is " + std::to_string(found->second);
  }
  return text;
}

class SymbolCheck {
 public:
  SymbolCheck(std::span<const Field> fields, std::span<const Column> columns)
      : fields_(fields), columns_(columns) {
    for (size_t i = 0; i < fields.size(); ++i) {
      for (size_t d = 0; d < fields[i].type.shape.size(); ++d) Add({i, d});
    }
  }

  Status Run() const {
    for (const auto& [first, other] : alike_) {
      if (Status checked = CheckAlike(first, other); !checked) return checked;
    }
    return computed_.empty() ? Status(Done{}) : CheckComputed();
  }

 private:
  const Dim& DimOf(Occurrence where) const { return fields_[where.column].type.shape[where.dim]; }

  void Add(Occurrence where) {
    const Dim& dim = DimOf(where);
    if (dim.is_size() || dim.symbol == "_") return;
    const auto [seen, is_new] = first_seen_.try_emplace(dim.symbol, where);
    if (!is_new) {
      // `CheckType` compares within a column.
      if (seen->second.column != where.column) alike_.emplace_back(seen->second, where);
      return;
    }
    if (!IsFormula(dim)) return;
    std::optional<DimFormula> formula = DimFormula::Of(dim);
    if (formula) computed_.push_back({where, *std::move(formula)});
  }

  int64_t SizeOf(Occurrence where, int64_t row) const {
    const Column& column = columns_[where.column];
    const auto dim = static_cast<int64_t>(where.dim);
    if (column.is_text()) {
      const std::optional<TextTensor> texts = Unpack(column.text()[row]);
      return texts && where.dim < texts->shape.size() ? texts->shape[where.dim] : 0;
    }
    return column.is_dense() ? column.dense().size(dim + 1)
                             : column.ragged()[static_cast<size_t>(row)].size(dim);
  }

  /// Whether all rows have one shape.
  bool IsEven(Occurrence where) const {
    const Column& column = columns_[where.column];
    return column.is_dense() && !column.validity().defined();
  }

  Error Differ(std::string message, int64_t row) const {
    return {.code = ErrorCode::kInvalidArgument, .message = std::move(message), .row_id = row};
  }

  Status CheckAlike(Occurrence a, Occurrence b) const {
    const int64_t num_rows = columns_[a.column].num_rows();
    const bool same_in_all_rows = IsEven(a) && IsEven(b);
    for (int64_t row = 0; row < (same_in_all_rows ? std::min<int64_t>(num_rows, 1) : num_rows);
         ++row) {
      if (columns_[a.column].is_null(row) || columns_[b.column].is_null(row)) continue;
      const int64_t first = SizeOf(a, row);
      const int64_t second = SizeOf(b, row);
      if (first == second) continue;
      return Differ("`" + DimOf(a).symbol + "` is " + std::to_string(first) + " in `" +
                        fields_[a.column].name + "` but " + std::to_string(second) + " in `" +
                        fields_[b.column].name + "`",
                    same_in_all_rows ? -1 : row);
    }
    return Done{};
  }

  Status CheckComputed() const {
    const auto is_even = [this](const auto& seen) { return IsEven(seen.second); };
    const bool same_in_all_rows = std::all_of(first_seen_.begin(), first_seen_.end(), is_even);
    const int64_t num_rows = columns_[computed_.front().where.column].num_rows();
    for (int64_t row = 0; row < (same_in_all_rows ? std::min<int64_t>(num_rows, 1) : num_rows);
         ++row) {
      Status checked = CheckRow(row, same_in_all_rows ? -1 : row);
      if (!checked) return checked;
    }
    return Done{};
  }

  Status CheckRow(int64_t row, int64_t row_id) const {
    Sizes sizes;
    for (const auto& [symbol, where] : first_seen_) {
      if (columns_[where.column].is_null(row) || IsFormula(DimOf(where))) continue;
      sizes[symbol] = SizeOf(where, row);
    }
    std::vector<const Computed*> open;
    for (const Computed& computed : computed_) {
      if (!columns_[computed.where.column].is_null(row)) open.push_back(&computed);
    }
    // What one formula says of a symbol may be what another one waits for.
    for (size_t before = open.size() + 1; open.size() < before;) {
      before = open.size();
      std::vector<const Computed*> later;
      for (const Computed* computed : open) {
        const Result<bool> decided = Decide(*computed, row, row_id, sizes);
        if (!decided) return decided.error();
        if (!*decided) later.push_back(computed);
      }
      open = std::move(later);
    }
    return Done{};
  }

  /// Compares, or finds out what the one symbol is that is not known; false where more are not.
  Result<bool> Decide(const Computed& computed, int64_t row, int64_t row_id, Sizes& sizes) const {
    const int64_t size = SizeOf(computed.where, row);
    const auto known = [&](const std::string& symbol) -> std::optional<DimFormula> {
      const auto found = sizes.find(symbol);
      return found == sizes.end() ? DimFormula::Symbol(symbol) : DimFormula::Number(found->second);
    };
    const std::optional<DimFormula> value = computed.formula.Replace(known);
    const std::optional<DimFormula> left =
        value ? value->Minus(DimFormula::Number(size)) : std::nullopt;
    if (!left) return Mismatch(computed, size, value, row_id, sizes);  // no size is so large
    const std::vector<std::string> symbols = left->Symbols();
    if (symbols.empty()) {
      if (left->IsZero()) return true;
      return Mismatch(computed, size, value, row_id, sizes);
    }
    const std::optional<DimFormula> solved =
        symbols.size() == 1 ? left->SolveFor(symbols.front()) : std::nullopt;
    if (!solved) return false;
    const std::optional<int64_t> number = solved->WholeNumber();
    if (!number || *number < 0) return Mismatch(computed, size, std::nullopt, row_id, sizes);
    sizes[symbols.front()] = *number;
    return true;
  }

  /// `value` is what the formula gives, null where nothing fits.
  Error Mismatch(const Computed& computed, int64_t size, const std::optional<DimFormula>& value,
                 int64_t row_id, const Sizes& sizes) const {
    const Occurrence where = computed.where;
    const std::optional<int64_t> number = value ? value->WholeNumber() : std::nullopt;
    std::string message = "dimension " + std::to_string(where.dim + 1) + " of `" +
                          fields_[where.column].name + "` is " + std::to_string(size);
    message += number ? ", `" + DimOf(where).symbol + "` is " + std::to_string(*number)
                      : ", which `" + DimOf(where).symbol + "` cannot be";
    const std::string known = SizesText(computed.formula, sizes);
    if (!known.empty()) message += " (" + known + ")";
    return Differ(std::move(message), row_id);
  }

  std::span<const Field> fields_;
  std::span<const Column> columns_;
  std::map<std::string, Occurrence> first_seen_;
  std::vector<std::pair<Occurrence, Occurrence>> alike_;
  std::vector<Computed> computed_;
};

}  // namespace

Status CheckSymbols(std::span<const Field> fields, std::span<const Column> columns) {
  return SymbolCheck(fields, columns).Run();
}

}  // namespace raceway::engine
