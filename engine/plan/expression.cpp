#include "engine/plan/expression.h"

#include <algorithm>
#include <utility>

#include "engine/data/time_text.h"

namespace raceway::engine {

Expression Expression::Column(std::string name, Type type) {
  return {Kind::kColumn, std::move(type), std::move(name), {}, {}};
}

Expression Expression::Constant(Value value, Type type) {
  return {Kind::kConstant, std::move(type), {}, std::move(value), {}};
}

Expression Expression::Call(std::string function, std::vector<Expression> args, Type type) {
  return {Kind::kCall, std::move(type), std::move(function), {}, std::move(args)};
}

namespace {

/// As a flow would write it.
std::string ConstantText(const Value& constant, DataType type) {
  const int64_t* integer = constant.AsInt();
  if (integer == nullptr) return ToString(constant);
  if (type == DataType::kDuration) return TimeText(*integer, type);
  if (type == DataType::kTimestamp) return "timestamp(\"" + TimeText(*integer, type) + "\")";
  if (type == DataType::kU64) return std::to_string(static_cast<uint64_t>(*integer));
  return ToString(constant);
}

}  // namespace

std::string ToString(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::kColumn: return expression.name;
    case Expression::Kind::kConstant:
      return ConstantText(expression.constant, expression.type.dtype);
    case Expression::Kind::kCall: break;
  }
  std::string text = expression.name + "(";
  for (size_t i = 0; i < expression.args.size(); ++i) {
    if (i > 0) text += ", ";
    text += ToString(expression.args[i]);
  }
  return text + ")";
}

void CollectColumns(const Expression& expression, std::vector<std::string>& columns) {
  if (expression.kind == Expression::Kind::kColumn &&
      std::find(columns.begin(), columns.end(), expression.name) == columns.end()) {
    columns.push_back(expression.name);
  }
  for (const Expression& arg : expression.args) CollectColumns(arg, columns);
}

std::vector<Value> ConstantsOf(const std::vector<Expression>& args) {
  std::vector<Value> constants;
  constants.reserve(args.size());
  for (const Expression& arg : args) constants.push_back(arg.constant);
  return constants;
}

}  // namespace raceway::engine
