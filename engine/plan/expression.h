#pragma once

#include <string>
#include <vector>

#include "engine/data/type.h"
#include "engine/value.h"

namespace raceway::engine {

/// A typed, resolved computation on the columns of a table: a column, a constant, or a column
/// function of other expressions. Operators (`+`, `>=`, `and`) are column functions too.
struct Expression {
  enum class Kind { kColumn, kConstant, kCall };

  Kind kind = Kind::kConstant;
  Type type;
  std::string name;  // of the column or of the function
  Value constant;
  std::vector<Expression> args;

  static Expression Column(std::string name, Type type);
  static Expression Constant(Value value, Type type);
  static Expression Call(std::string function, std::vector<Expression> args, Type type);

  friend bool operator==(const Expression&, const Expression&) = default;
};

/// "ge(conf, 0.85)"
std::string ToString(const Expression& expression);

/// Adds the names of the columns that `expression` reads, each once, in order of appearance.
void CollectColumns(const Expression& expression, std::vector<std::string>& columns);

/// The values of those that are constants, null for the others.
std::vector<Value> ConstantsOf(const std::vector<Expression>& args);

struct NamedExpression {
  std::string name;
  Expression expression;

  friend bool operator==(const NamedExpression&, const NamedExpression&) = default;
};

}  // namespace raceway::engine
