#include "operators/expressions.h"

#include <string>
#include <utility>

#include "operators/contracts.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Expression;
using engine::Result;
using engine::Schema;
using engine::Type;
using engine::Value;

/// A constant is kept as a column of so many rows, in memory one; a run takes a view.
constexpr int64_t kManyRows = int64_t{1} << 40;

const engine::Catalog& Contracts() {
  static const engine::Catalog kCatalog = [] {
    engine::Catalog all;
    RegisterColumnFunctionContracts(all);
    return all;
  }();
  return kCatalog;
}

/// Sizes are the compiler's business and looked at again when data are there.
Type WithoutSizes(Type type) {
  for (engine::Dim& dim : type.shape) dim = engine::Dim::Symbol("_");
  return type;
}

bool IsAlike(const Type& a, const Type& b) {
  return a.dtype == b.dtype && a.shape.size() == b.shape.size() && a.optional == b.optional;
}

/// A plan may come from a file: nothing runs on types it was not written for.
engine::Status CheckContract(const Expression& call) {
  const engine::ColumnFunctionContract* contract = Contracts().FindColumnFunction(call.name);
  if (contract == nullptr) {
    return Error{ErrorCode::kUnsupported, "no column function `" + call.name + "`"};
  }
  if (call.args.size() < contract->min_args || call.args.size() > contract->max_args) {
    return Error{ErrorCode::kInvalidArgument, "`" + call.name + "` does not take " +
                                                  std::to_string(call.args.size()) + " arguments"};
  }
  std::vector<Type> types;
  for (const Expression& arg : call.args) types.push_back(WithoutSizes(arg.type));
  const Result<Type> type = contract->TypeOf(types, ConstantsOf(call.args));
  if (!type) return type.error();
  if (!IsAlike(*type, call.type)) {
    return Error{ErrorCode::kInvalidArgument, "`" + ToString(call) + "` is " + ToString(*type) +
                                                  ", the plan says " + ToString(call.type)};
  }
  return engine::Done{};
}

/// "`conf`", "the right side". A plan calls a column `conf.2` that is not the first of its name.
std::string ArgumentName(const Expression& arg, bool is_left) {
  if (arg.kind != Expression::Kind::kColumn) return is_left ? "the left side" : "the right side";
  const size_t end = arg.name.find_last_not_of("0123456789");
  const bool is_numbered = end != std::string::npos && arg.name[end] == '.' && end > 0;
  return "`" + (is_numbered ? arg.name.substr(0, end) : arg.name) + "`";
}

}  // namespace

BoundExpression BoundExpression::Of(Kind kind, Type type) {
  BoundExpression bound;
  bound.kind_ = kind;
  bound.type_ = std::move(type);
  return bound;
}

Result<BoundExpression> BoundExpression::BindColumn(const Expression& expression,
                                                    const Schema& scope) {
  const std::optional<size_t> index = scope.IndexOf(expression.name);
  if (!index) {
    return Error{ErrorCode::kInvalidArgument,
                 "no column `" + expression.name + "` in " + ToString(scope)};
  }
  const Type& type = scope[*index].type;
  if (!IsAlike(type, expression.type)) {
    return Error{ErrorCode::kInvalidArgument, "column `" + expression.name + "` is " +
                                                  ToString(type) + ", the expression has " +
                                                  ToString(expression.type)};
  }
  BoundExpression bound = Of(Kind::kColumn, type);
  bound.column_ = static_cast<int64_t>(*index);
  return bound;
}

Result<BoundExpression> BoundExpression::BindConstant(const Expression& expression) {
  Result<Column> constant = Column::Constant(expression.constant, expression.type, kManyRows);
  if (!constant) return constant.error();
  BoundExpression bound = Of(Kind::kConstant, expression.type);
  bound.constant_ = std::move(*constant);
  return bound;
}

Result<BoundExpression> BoundExpression::BindCall(const Expression& expression,
                                                  const Schema& scope) {
  if (auto checked = CheckContract(expression); !checked) return checked.error();
  const std::string& name = expression.name;
  const bool is_choice = name == "if" || name == "and" || name == "or";
  const Kind kind = is_choice ? Kind::kChoice : name == "coalesce" ? Kind::kCoalesce : Kind::kCall;
  BoundExpression bound = Of(kind, expression.type);
  bound.function_ = FindColumnFunction(kind == Kind::kCoalesce ? "if" : name);
  for (const Expression& arg : expression.args) {
    Result<BoundExpression> bound_arg = Bind(arg, scope);
    if (!bound_arg) return bound_arg;
    bound.args_.push_back(std::move(*bound_arg));
    if (bound.function_->names_args) {
      bound.names_.push_back(ArgumentName(arg, bound.names_.empty()));
    }
  }
  if (name == "if" || !is_choice) return bound;
  // a and b = if a then b else false; a or b = if a then true else b
  const bool is_or = name == "or";
  Result<BoundExpression> constant =
      BindConstant(Expression::Constant(Value(is_or), Type{DataType::kBool}));
  bound.args_.insert(bound.args_.begin() + (is_or ? 1 : 2), std::move(*constant));
  bound.function_ = FindColumnFunction("if");
  return bound;
}

Result<BoundExpression> BoundExpression::Bind(const Expression& expression, const Schema& scope) {
  switch (expression.kind) {
    case Expression::Kind::kColumn: return BindColumn(expression, scope);
    case Expression::Kind::kConstant: return BindConstant(expression);
    case Expression::Kind::kCall: break;
  }
  return BindCall(expression, scope);
}

Result<Column> BoundExpression::Evaluate(Columns columns, int64_t num_rows) const {
  switch (kind_) {
    case Kind::kColumn: return columns[static_cast<size_t>(column_)];
    case Kind::kConstant: return constant_.Slice(0, num_rows);
    case Kind::kCall: return Call(columns, num_rows);
    case Kind::kCoalesce: return Coalesce(columns, num_rows);
    case Kind::kChoice: break;
  }
  return Choose(columns, num_rows);
}

Result<Column> BoundExpression::Call(Columns columns, int64_t num_rows) const {
  if (num_rows == 0) return Column::Empty(type_);
  std::vector<Column> args;
  args.reserve(args_.size());
  for (const BoundExpression& arg : args_) {
    Result<Column> value = arg.Evaluate(columns, num_rows);
    if (!value) return value;
    args.push_back(std::move(*value));
  }
  return function_->run({args, type_, num_rows, args_.front().type_.dtype, names_});
}

Result<Column> BoundExpression::Choose(Columns columns, int64_t num_rows) const {
  Result<Column> condition = args_[0].Evaluate(columns, num_rows);
  if (!condition) return condition;
  const Branch branches[] = {&args_[1], &args_[2]};
  return TakeBranches(condition->dense(), branches, columns, num_rows);
}

Result<Column> BoundExpression::Coalesce(Columns columns, int64_t num_rows) const {
  Result<Column> first = args_[0].Evaluate(columns, num_rows);
  if (!first || !first->validity().defined()) return first;
  const Branch branches[] = {first->WithValidity({}), &args_[1]};
  return TakeBranches(first->validity(), branches, columns, num_rows);
}

// A branch is evaluated for all rows at once, which is fastest; only where that fails it is
// evaluated again for the rows that take it.
Result<Column> BoundExpression::TakeBranches(const at::Tensor& flags,
                                             std::span<const Branch, 2> choices, Columns columns,
                                             int64_t num_rows) const {
  const auto evaluate = [&](const Branch& branch) -> Result<Column> {
    if (const Column* ready = std::get_if<Column>(&branch)) return *ready;
    return std::get<const BoundExpression*>(branch)->Evaluate(columns, num_rows);
  };
  std::vector<std::vector<int64_t>> takers = {RowsWhere(flags, true), {}};
  if (static_cast<int64_t>(takers[0].size()) == num_rows) return evaluate(choices[0]);
  if (takers[0].empty()) return evaluate(choices[1]);
  takers[1] = RowsWhere(flags, false);

  std::vector<Column> branches(2);
  bool is_partial = false;
  std::vector<std::pair<int32_t, int64_t>> from(static_cast<size_t>(num_rows));
  for (size_t branch = 0; branch < 2; ++branch) {
    Result<Column> value = evaluate(choices[branch]);
    const bool is_whole = value.ok();
    if (!is_whole) {
      const auto* expression = std::get<const BoundExpression*>(choices[branch]);
      value = expression->EvaluateAt(columns, takers[branch]);
      if (!value) return value;
      is_partial = true;
    }
    branches[branch] = std::move(*value);
    for (size_t i = 0; i < takers[branch].size(); ++i) {
      const int64_t row = takers[branch][i];
      from[static_cast<size_t>(row)] = {static_cast<int32_t>(branch),
                                        is_whole ? row : static_cast<int64_t>(i)};
    }
  }
  if (is_partial) return Column::Gather(branches, from);
  const Column args[] = {flags, std::move(branches[0]), std::move(branches[1])};
  return function_->run({args, type_, num_rows});
}

Result<Column> BoundExpression::EvaluateAt(Columns columns, std::span<const int64_t> rows) const {
  std::vector<bool> used(columns.size(), false);
  CollectIndices(used);
  std::vector<Column> taken(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (used[i]) taken[i] = columns[i].Take(rows);
  }
  Result<Column> value = Evaluate(taken, static_cast<int64_t>(rows.size()));
  if (!value && value.error().row_id >= 0) {
    value.error().row_id = rows[static_cast<size_t>(value.error().row_id)];
  }
  return value;
}

void BoundExpression::CollectIndices(std::vector<bool>& used) const {
  if (kind_ == Kind::kColumn) used[static_cast<size_t>(column_)] = true;
  for (const BoundExpression& arg : args_) arg.CollectIndices(used);
}

std::vector<int64_t> RowsWhere(const at::Tensor& flags, bool wanted) {
  const at::Tensor dense = flags.contiguous();
  const bool* is_true = dense.const_data_ptr<bool>();
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < dense.size(0); ++row) {
    if (is_true[row] == wanted) rows.push_back(row);
  }
  return rows;
}

}  // namespace raceway::operators
