#include "compiler/rewrite/can_fail.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

using engine::DataType;
using engine::Expression;

/// Safe for all values of all types that they take, as long as those are scalars.
constexpr auto kSafe = std::to_array<std::string_view>(
    {"eq",    "ne",    "lt",   "le",  "gt",  "ge",   "and", "or",    "not",   "if",
     "round", "floor", "ceil", "exp", "log", "sqrt", "len", "lower", "upper", "concat"});

/// Of these, NaN is an error.
constexpr auto kOrder = std::to_array<std::string_view>({"lt", "le", "gt", "ge"});

/// Safe, but of times: numbers wrap around, times do not.
constexpr auto kArithmetic = std::to_array<std::string_view>({"add", "sub", "neg", "mul", "abs"});

/// Safe for scalars that may be null.
constexpr auto kSafeOfNull =
    std::to_array<std::string_view>({"is_null", "coalesce", "value", "optional", "if"});

template <typename Names>
bool Has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsSafeDivision(const Expression& call) {
  if (engine::IsTime(call.type.dtype)) return false;
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

/// Not of a constant number, nor of what was an integer or bool.
bool MayBeNan(const Expression& value) {
  if (!engine::IsFloat(value.type.dtype)) return false;
  if (value.kind == Expression::Kind::kConstant) {
    return std::isnan(value.constant.AsNumber().value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  const bool is_cast = value.kind == Expression::Kind::kCall && value.args.size() == 1 &&
                       value.name == NameOf(value.type.dtype);
  if (!is_cast) return true;
  const DataType from = value.args.front().type.dtype;
  return !engine::IsInteger(from) && from != DataType::kBool;
}

bool MeetsNan(const Expression& call) {
  return Has(kOrder, call.name) && std::any_of(call.args.begin(), call.args.end(), &MayBeNan);
}

bool IsSafeCall(const Expression& call) {
  if (Has(kArithmetic, call.name)) return !engine::IsTime(call.type.dtype);
  if (Has(kSafe, call.name) || Has(kSafeOfNull, call.name)) return true;
  if (call.name == "div" || call.name == "mod") return IsSafeDivision(call);
  const std::optional<DataType> to = engine::DataTypeFromName(call.name);
  return to && call.args.size() == 1 && IsSafeCast(call.args.front().type.dtype, *to);
}

bool CanFail(const Expression& expression, bool may_have_nan) {
  if (expression.kind != Expression::Kind::kCall) return false;
  if (may_have_nan && MeetsNan(expression)) return true;
  const bool takes_null = Has(kSafeOfNull, expression.name);
  const auto is_plain = [takes_null](const Expression& scalar) {
    return scalar.type.is_scalar() && (takes_null || !scalar.type.optional);
  };
  return !is_plain(expression) || !IsSafeCall(expression) ||
         std::any_of(expression.args.begin(), expression.args.end(), [&](const Expression& arg) {
           return !is_plain(arg) || CanFail(arg, may_have_nan);
         });
}

}  // namespace

bool CanFail(const Expression& expression) { return CanFail(expression, true); }

bool CanFailWithoutNan(const Expression& expression) { return CanFail(expression, false); }

}  // namespace raceway::compiler
