#include "compiler/rewrite/can_fail.h"

#include <algorithm>
#include <array>
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

bool IsSafeCall(const Expression& call) {
  if (Has(kArithmetic, call.name)) return !engine::IsTime(call.type.dtype);
  if (Has(kSafe, call.name) || Has(kSafeOfNull, call.name)) return true;
  if (call.name == "div" || call.name == "mod") return IsSafeDivision(call);
  const std::optional<DataType> to = engine::DataTypeFromName(call.name);
  return to && call.args.size() == 1 && IsSafeCast(call.args.front().type.dtype, *to);
}

}  // namespace

bool CanFail(const Expression& expression) {
  if (expression.kind != Expression::Kind::kCall) return false;
  const bool takes_null = Has(kSafeOfNull, expression.name);
  const auto is_plain = [takes_null](const Expression& scalar) {
    return scalar.type.is_scalar() && (takes_null || !scalar.type.optional);
  };
  return !is_plain(expression) || !IsSafeCall(expression) ||
         std::any_of(expression.args.begin(), expression.args.end(),
                     [&](const Expression& arg) { return !is_plain(arg) || CanFail(arg); });
}

}  // namespace raceway::compiler
