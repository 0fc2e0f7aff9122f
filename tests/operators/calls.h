#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "operators/expressions.h"
#include "tests/operators/steps.h"

/// Calls of column functions, as a flow would write them.
namespace raceway::operators::testing {

struct Arg {
  Column column;
  std::string type;
  Value constant = {};  // in place of a column, if it is none
};

inline Arg Known(int64_t number) { return {{}, "i64", Value(number)}; }

/// The function as a user would call it: on the columns of a table.
inline std::string Eval(const std::string& name, const std::vector<Arg>& args) {
  std::vector<engine::Field> fields;
  std::vector<Expression> columns;
  std::vector<Column> data;
  for (const Arg& arg : args) {
    if (!arg.constant.is_null()) {
      columns.push_back(Lit(arg.constant, arg.type));
      continue;
    }
    const std::string column = "c" + std::to_string(fields.size());
    fields.push_back({column, T(arg.type)});
    columns.push_back(Col(column, arg.type));
    data.push_back(arg.column);
  }
  const Expression call = Call(name, columns);
  const auto bound = BoundExpression::Bind(call, engine::Schema(fields));
  if (!bound) return bound.error().message;
  const Result<Column> result = bound->Evaluate(data, data[0].num_rows());
  if (result.ok()) {
    const auto checked = result->CheckType(call.type);
    EXPECT_TRUE(checked.ok()) << name << ": " << Text(checked);
    EXPECT_EQ(result->num_rows(), data[0].num_rows()) << name;
  }
  return Text(result);
}

inline Arg OfType(const std::string& type, const std::vector<double>& rows) {
  return {at::tensor(rows, at::kDouble).to(at::kLong).to(ScalarTypeOf(T(type).dtype)), type};
}

}  // namespace raceway::operators::testing
