#include "compiler/check/size_checks.h"

#include <algorithm>
#include <utility>

#include "engine/data/dim_formula.h"

namespace raceway::compiler {
namespace {

using engine::DataType;
using engine::Dim;
using engine::DimFormula;
using engine::Expression;
using engine::Type;
using engine::Value;

Expression Whole(int64_t number) {
  return Expression::Constant(Value(number), Type{DataType::kI64});
}

Expression Text(std::string text) {
  return Expression::Constant(Value(std::move(text)), Type{DataType::kString});
}

Expression Both(std::string function, Expression left, Expression right) {
  return Expression::Call(std::move(function), {std::move(left), std::move(right)},
                          Type{DataType::kI64});
}

/// Sizes that are looked at in a row; a formula has their numbers for symbols.
class Measurements {
 public:
  explicit Measurements(const PlanBuilder& builder) : builder_(builder) {}

  DimFormula Take(const std::string& id, const std::string& name, size_t index) {
    const auto same = [&](const Size& size) { return size.id == id && size.index == index; };
    auto found = std::find_if(sizes_.begin(), sizes_.end(), same);
    if (found == sizes_.end()) found = sizes_.insert(sizes_.end(), {id, name, index});
    return DimFormula::Symbol(std::to_string(found - sizes_.begin()));
  }

  /// What a symbol is, by a column of `columns` that has it for a dimension or in one.
  std::optional<DimFormula> Find(const std::string& symbol,
                                 const std::vector<TableColumn>& columns) {
    for (const bool is_plain : {true, false}) {
      for (const TableColumn& column : columns) {
        const Type type = builder_.dims.Resolve(builder_.TypeOf(column.id));
        if (!CanMeasure(type)) continue;
        for (size_t i = 0; i < type.shape.size(); ++i) {
          if (type.shape[i].is_size() || IsFormula(type.shape[i]) == is_plain) continue;
          std::optional<DimFormula> found = Solve(type.shape[i], symbol, column, i);
          if (found) return found;
        }
      }
    }
    return std::nullopt;
  }

  Expression ToExpression(const DimFormula::Term& term) const {
    std::optional<Expression> product;
    for (const std::string& symbol : term.symbols) {
      Expression size = SizeOf(sizes_[std::stoul(symbol)]);
      product = product ? Both("mul", *std::move(product), std::move(size)) : std::move(size);
    }
    if (!product) return Whole(term.factor);
    return term.factor == 1 ? *product : Both("mul", *std::move(product), Whole(term.factor));
  }

  /// Every column that was looked at, by its name.
  void List(std::vector<Expression>& args) const {
    std::vector<std::string> listed;
    for (const Size& size : sizes_) {
      if (std::find(listed.begin(), listed.end(), size.id) != listed.end()) continue;
      listed.push_back(size.id);
      args.push_back(Text(size.name));
      args.push_back(Column(size));
    }
  }

 private:
  struct Size {
    std::string id;
    std::string name;
    size_t index = 0;
  };

  Expression Column(const Size& size) const {
    return Expression::Column(size.id, builder_.dims.Resolve(builder_.TypeOf(size.id)));
  }

  Expression SizeOf(const Size& size) const {
    return Both("size_of", Column(size), Whole(static_cast<int64_t>(size.index)));
  }

  std::optional<DimFormula> Solve(const Dim& dim, const std::string& symbol,
                                  const TableColumn& column, size_t index) {
    const std::optional<DimFormula> formula = DimFormula::Of(dim);
    if (!formula || formula->Symbols() != std::vector<std::string>{symbol}) return std::nullopt;
    const std::string unknown = "size";  // no symbol of a row: those have marks
    const std::optional<DimFormula> difference = formula->Minus(DimFormula::Symbol(unknown));
    const std::optional<DimFormula> solved =
        difference ? difference->SolveFor(symbol) : std::nullopt;
    if (!solved) return std::nullopt;
    return solved->Replace([&](const std::string&) -> std::optional<DimFormula> {
      return Take(column.id, column.name, index);
    });
  }

  const PlanBuilder& builder_;
  std::vector<Size> sizes_;
};

Expression SumOf(const std::vector<Expression>& terms) {
  if (terms.empty()) return Whole(0);
  Expression sum = terms.front();
  for (size_t i = 1; i < terms.size(); ++i) sum = Both("add", std::move(sum), terms[i]);
  return sum;
}

/// Lets the rows of `table` pass that meet `condition`; another one is an error. What came by
/// `columns` stays.
void AddCheck(Expression condition, std::vector<std::string> columns, dsl::SourceRange where,
              Table& table, PlanBuilder& builder) {
  Step step;
  step.kind = StepKind::kFilter;
  step.where = where;
  step.label = "check of sizes";
  step.expressions.push_back({"where", std::move(condition)});
  step.outputs = {std::move(columns)};
  table.port = builder.AddStage("check", {table.port}, std::move(step));
}

Expression SameSize(Expression left, Expression right, const std::string& why,
                    const Measurements& sizes) {
  std::vector<Expression> args = {std::move(left), std::move(right), Text(why)};
  sizes.List(args);
  return Expression::Call("same_size", std::move(args), Type{DataType::kBool});
}

}  // namespace

bool CanMeasure(const Type& type) {
  return !type.optional && !engine::IsText(type.dtype) &&
         std::none_of(type.shape.begin(), type.shape.end(), &IsAnyRank);
}

void CheckSameSize(const Measured& a, const Measured& b, const std::string& why,
                   dsl::SourceRange where, Table& table, PlanBuilder& builder) {
  Measurements sizes(builder);
  const auto size_of = [&](const Measured& size) {
    return sizes.ToExpression(
        {sizes.Take(size.column.id, size.column.name, size.index).Symbols(), 1});
  };
  Expression left = size_of(a);
  Expression right = size_of(b);
  AddCheck(SameSize(std::move(left), std::move(right), why, sizes), table.Ids(), where, table,
           builder);
}

Clash SizeChecks::Unify(const Type& wanted, const Asked& asked) {
  std::vector<OpenDim> open;
  Clash clash = UnifyTypes(builder_.dims, wanted, builder_.TypeOf(asked.id), &open);
  for (OpenDim& dim : open) open_.push_back({asked, std::move(dim)});
  return clash;
}

std::vector<SizeChecks::Misfit> SizeChecks::Settle(Table& table,
                                                   const std::vector<std::string>& also,
                                                   dsl::SourceRange where) {
  std::vector<Misfit> misfits;
  std::vector<std::string> columns = table.Ids();
  for (const std::string& id : also) {
    if (std::find(columns.begin(), columns.end(), id) == columns.end()) columns.push_back(id);
  }
  for (Open& open : std::exchange(open_, {})) {
    Dims& dims = builder_.dims;
    if (dims.Unify(open.dim.wanted, open.dim.found)) continue;  // by what was unified since
    std::optional<Expression> condition;
    if (dims.AreUndecided(open.dim.wanted, open.dim.found)) condition = Condition(open, table);
    if (!condition) {
      misfits.push_back({open.asked.who,
                         {"dimension " + std::to_string(open.dim.index + 1) + ": wanted " +
                              dims.Show(open.dim.wanted) + ", found " + dims.Show(open.dim.found),
                          true}});
      continue;
    }
    AddCheck(*std::move(condition), columns, where, table, builder_);
  }
  return misfits;
}

/// `same_size(…)`; null where no column of the row has what is wanted.
std::optional<Expression> SizeChecks::Condition(const Open& open, const Table& table) {
  if (!CanMeasure(builder_.dims.Resolve(builder_.TypeOf(open.asked.id)))) return std::nullopt;
  Measurements sizes(builder_);
  const DimFormula found = sizes.Take(open.asked.id, open.asked.name, open.dim.index);
  std::vector<TableColumn> columns = {{open.asked.name, open.asked.id}};
  columns.insert(columns.end(), table.columns.begin(), table.columns.end());
  columns.insert(columns.end(), table.passing.begin(), table.passing.end());
  const std::optional<DimFormula> wanted = DimFormula::Of(builder_.dims.Find(open.dim.wanted));
  const std::optional<DimFormula> measured =
      wanted
          ? wanted->Replace([&](const std::string& symbol) { return sizes.Find(symbol, columns); })
          : std::nullopt;
  const std::optional<DimFormula> difference = measured ? measured->Minus(found) : std::nullopt;
  if (!difference) return std::nullopt;
  int64_t under = 1;
  std::vector<Expression> left;
  std::vector<Expression> right;
  for (DimFormula::Term term : difference->WholeTerms(under)) {
    std::vector<Expression>& side = term.factor > 0 ? left : right;
    term.factor = std::abs(term.factor);
    side.push_back(sizes.ToExpression(term));
  }
  return SameSize(SumOf(left), SumOf(right), open.asked.why, sizes);
}

}  // namespace raceway::compiler
