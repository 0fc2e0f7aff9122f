#include "compiler/rewrite/can_fail.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace raceway::compiler {
namespace {

using engine::DataType;
using engine::Expression;

/// Safe for all values of all types that they take, as long as those are scalars.
constexpr auto kSafe = std::to_array<std::string_view>(
    {"add",  "sub", "mul", "neg",  "eq",  "ne",    "lt",    "le",
     "gt",   "ge",  "and", "or",   "not", "if",    "round", "floor",
     "ceil", "exp", "log", "sqrt", "len", "lower", "upper", "concat"});

bool IsPlainScalar(const Expression& expression) {
  return expression.type.is_scalar() && !expression.type.optional;
}

bool IsSafeDivision(const Expression& call) {
  if (engine::IsFloat(call.type.dtype)) return true;
  const Expression& divisor = call.args.back();
  if (divisor.kind != Expression::Kind::kConstant) return false;
  const int64_t* value = divisor.constant.AsInt();
  return value != nullptr && *value != 0;
}

bool IsSafeCast(DataType from, DataType to) {
  if (to == DataType::kString) return from != DataType::kBytes;
  if (to == DataType::kBytes) return true;
  if (engine::IsText(from)) return false;
  if (engine::IsFloat(to) || to == DataType::kBool || from == DataType::kBool) return true;
  return from == to;
}

bool IsSafeCall(const Expression& call) {
  if (std::find(kSafe.begin(), kSafe.end(), call.name) != kSafe.end()) return true;
  if (call.name == "div" || call.name == "mod") return IsSafeDivision(call);
  const std::optional<DataType> to = engine::DataTypeFromName(call.name);
  return to && call.args.size() == 1 && IsSafeCast(call.args.front().type.dtype, *to);
}

}  // namespace

bool CanFail(const Expression& expression) {
  if (expression.kind != Expression::Kind::kCall) return false;
  return !IsPlainScalar(expression) || !IsSafeCall(expression) ||
         std::any_of(expression.args.begin(), expression.args.end(),
                     [](const Expression& arg) { return !IsPlainScalar(arg) || CanFail(arg); });
}

}  // namespace raceway::compiler
