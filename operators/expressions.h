#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/data/batch.h"
#include "engine/plan/expression.h"
#include "engine/result.h"
#include "operators/column_functions.h"

namespace raceway::operators {

/// An expression that knows where its columns are, so that a run looks up no name.
///
/// Immutable and thread-safe.
class BoundExpression {
 public:
  /// Errors   InvalidArgument for a column that `scope` lacks or has with another type, and for a
  ///          call that the contract of its function forbids: plans may come from a file
  static engine::Result<BoundExpression> Bind(const engine::Expression& expression,
                                              const engine::Schema& scope);

  /// The value in each row; `columns` are those of `scope`, with `num_rows` rows each.
  ///
  /// `and`, `or`, `if` and `??` answer as if they only looked at what matters to a row: an error in
  /// a branch counts only where the row takes it.
  /// Errors   with `row_id` as a row of these columns
  engine::Result<engine::Column> Evaluate(std::span<const engine::Column> columns,
                                          int64_t num_rows) const;

  /// The same for these rows alone: no other can fail it.
  engine::Result<engine::Column> EvaluateAt(std::span<const engine::Column> columns,
                                            std::span<const int64_t> rows) const;

  /// The column that this is nothing but, -1 for a computation.
  int64_t plain_column() const { return kind_ == Kind::kColumn ? column_ : -1; }

 private:
  enum class Kind { kColumn, kConstant, kCall, kChoice, kCoalesce };
  using Columns = std::span<const engine::Column>;
  /// What a row may take: values that are there already, or those of an expression.
  using Branch = std::variant<engine::Column, const BoundExpression*>;

  static BoundExpression Of(Kind kind, engine::Type type);
  static engine::Result<BoundExpression> BindColumn(const engine::Expression& expression,
                                                    const engine::Schema& scope);
  static engine::Result<BoundExpression> BindConstant(const engine::Expression& expression);
  static engine::Result<BoundExpression> BindCall(const engine::Expression& expression,
                                                  const engine::Schema& scope);

  engine::Result<engine::Column> Call(Columns columns, int64_t num_rows) const;
  engine::Result<engine::Column> Choose(Columns columns, int64_t num_rows) const;
  engine::Result<engine::Column> Coalesce(Columns columns, int64_t num_rows) const;
  engine::Result<engine::Column> TakeBranches(const at::Tensor& flags,
                                              std::span<const Branch, 2> choices, Columns columns,
                                              int64_t num_rows) const;
  void CollectIndices(std::vector<bool>& used) const;

  Kind kind_ = Kind::kConstant;
  engine::Type type_;
  int64_t column_ = -1;
  engine::Column constant_;  // very many rows of it, of which a run takes some
  const ColumnFunction* function_ = nullptr;
  std::vector<BoundExpression> args_;  // of a choice: condition, then, else
  std::vector<std::string> names_;  // of the arguments, where the function has them in its errors
};

/// The rows where `flags`, bool[rows], is `wanted`.
std::vector<int64_t> RowsWhere(const at::Tensor& flags, bool wanted);

}  // namespace raceway::operators
