// Literals: from syntax to values, and from values to the type they are needed as.
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "compiler/check/declarations.h"
#include "compiler/check/quantities.h"
#include "dsl/literal.h"
#include "dsl/print.h"
#include "engine/data/time_text.h"
#include "engine/duration.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::DataType;
using engine::Value;

std::string WithoutUnderscores(std::string text) {
  std::erase(text, '_');
  return text;
}

std::optional<Value> ParseInt(const std::string& literal) {
  const std::optional<uint64_t> value = dsl::UnsignedValue(literal);
  if (!value) return std::nullopt;
  if (*value > static_cast<uint64_t>(INT64_MAX)) return UnsignedLiteral(*value);
  return Value(static_cast<int64_t>(*value));
}

std::optional<double> ParseFloat(const std::string& literal) {
  const std::string text = WithoutUnderscores(literal);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// "u8 (0 to 255)"
std::string RangeText(const engine::Type& type) {
  const auto [low, high] = engine::IntegerRange(type.dtype);
  const std::string most =
      type.dtype == DataType::kU64 ? std::to_string(UINT64_MAX) : std::to_string(high);
  return ToString(type) + " (" + std::to_string(low) + " to " + most + ")";
}

/// Up to where numbers round to the greatest of a type.
double GreatestOf(DataType type) {
  switch (type) {
    case DataType::kF16: return 65520;
    case DataType::kBf16: return 0x1.ffp127;
    case DataType::kF32: return 0x1.ffffffp127;
    default: return std::numeric_limits<double>::infinity();
  }
}

std::optional<Value> Negated(const Value& value) {
  if (const int64_t* integer = value.AsInt()) {
    if (*integer == INT64_MIN) return UnsignedLiteral(static_cast<uint64_t>(INT64_MAX) + 1);
    return Value(-*integer);
  }
  if (const auto time = NanosecondsOf(value)) return DurationLiteral(-*time);
  // The smallest i64 is one further from 0 than the greatest.
  if (UnsignedOf(value) == static_cast<uint64_t>(INT64_MAX) + 1) return Value(INT64_MIN);
  if (const std::optional<double> number = value.AsNumber()) return Value(-*number);
  return std::nullopt;
}

/// A length of time; the other quantities are for hints.
std::optional<Value> QuantityOf(const ast::Expr& expr, dsl::Diagnostics& diagnostics) {
  if (const auto duration = engine::DurationFromText(expr.text)) {
    return DurationLiteral(duration->count());
  }
  const std::optional<Quantity> quantity = ParseQuantity(expr.text);
  if (!quantity || quantity->measure == Measure::kDuration) {
    diagnostics.Add(DiagnosticKind::kBadLiteral, expr.range,
                    "`" + expr.text + "` is no whole number of nanoseconds that fits");
    return std::nullopt;
  }
  dsl::Diagnostic& diagnostic =
      diagnostics.Add(DiagnosticKind::kTypeMismatch, expr.range,
                      "`" + expr.text + "` is " + std::string(NameOf(quantity->measure)) +
                          ", and of the units only those of time have values here");
  const bool is_whole = quantity->amount == std::floor(quantity->amount) &&
                        quantity->amount < static_cast<double>(INT64_MAX);
  diagnostic.help =
      "as a number: `" +
      ToString(is_whole ? Value(static_cast<int64_t>(quantity->amount)) : Value(quantity->amount)) +
      "`";
  return std::nullopt;
}

/// What a text or a literal with a unit is as a time.
std::optional<Value> FitTime(const Value& literal, DataType type) {
  std::optional<int64_t> time;
  if (type == DataType::kDuration) time = NanosecondsOf(literal);
  if (type == DataType::kTimestamp && literal.AsString() != nullptr) {
    time = engine::TimeFromText(*literal.AsString(), type);
  }
  return time ? std::optional(Value(*time)) : std::nullopt;
}

}  // namespace

std::optional<Value> ConstantOf(const ast::Expr& expr, dsl::Diagnostics& diagnostics) {
  using Kind = ast::Expr::Kind;
  const auto bad = [&](DiagnosticKind kind, std::string message) -> std::optional<Value> {
    diagnostics.Add(kind, expr.range, std::move(message));
    return std::nullopt;
  };
  switch (expr.kind) {
    case Kind::kInt:
      if (auto value = ParseInt(expr.text)) return value;
      return bad(DiagnosticKind::kBadLiteral, "`" + expr.text + "` does not fit 64 bits");
    case Kind::kFloat:
      if (const auto value = ParseFloat(expr.text)) return Value(*value);
      return bad(DiagnosticKind::kBadLiteral, "`" + expr.text + "` does not fit a float");
    case Kind::kString:
    case Kind::kName: return Value(expr.text);
    case Kind::kBool: return Value(expr.text == "true");
    case Kind::kUnary:
      if (expr.text != "not") {
        auto operand = ConstantOf(expr.children.front(), diagnostics);
        if (!operand) return std::nullopt;
        const bool has_sign =
            operand->AsNumber() || NanosecondsOf(*operand) || UnsignedOf(*operand);
        if (expr.text == "+" && has_sign) return operand;
        if (auto value = Negated(*operand); value && expr.text == "-") return value;
        if (has_sign) {
          return bad(DiagnosticKind::kBadLiteral, "`-" + ShowLiteral(*operand) + "` does not fit " +
                                                      RangeText(engine::Type{DataType::kI64}));
        }
      }
      return bad(DiagnosticKind::kBadLiteral, "expected a constant");
    case Kind::kList: {
      Value::List list;
      for (const ast::Expr& child : expr.children) {
        auto value = ConstantOf(child, diagnostics);
        if (!value) return std::nullopt;
        list.push_back(*std::move(value));
      }
      return Value(std::move(list));
    }
    case Kind::kQuantity: return QuantityOf(expr, diagnostics);
    default:
      return bad(DiagnosticKind::kBadLiteral,
                 "expected a constant, found `" + dsl::PrintExpr(expr) + "`");
  }
}

std::optional<Value> FitLiteral(const Value& literal, const engine::Type& type, std::string& why) {
  const auto wrong = [&](std::string text) -> std::optional<Value> {
    why = std::move(text);
    return std::nullopt;
  };
  const auto fit_float = [&](double number) -> std::optional<Value> {
    if (std::abs(number) < GreatestOf(type.dtype)) return Value(number);
    return wrong("`" + ShowLiteral(literal) + "` does not fit " + ToString(type));
  };
  if (type.is_unknown()) return literal;
  if (!type.is_scalar()) return wrong("a constant is a scalar, wanted " + ToString(type));
  if (engine::IsTime(type.dtype)) {
    if (std::optional<Value> time = FitTime(literal, type.dtype)) return time;
    const std::string found = ", found `" + ShowLiteral(literal) + "`";
    if (type.dtype == DataType::kTimestamp) {
      return wrong("wanted " + std::string(engine::TimeExample(type.dtype)) + found);
    }
    return wrong("wanted a duration with its unit, as in `4ms`" + found);
  }
  if (const auto integer = UnsignedOf(literal)) {
    if (IsFloat(type.dtype)) return fit_float(static_cast<double>(*integer));
    // The negative i64 with the same bits stands for it.
    if (type.dtype == DataType::kU64) return Value(static_cast<int64_t>(*integer));
    return wrong("`" + ShowLiteral(literal) + "` does not fit " + RangeText(type));
  }
  if (const int64_t* integer = literal.AsInt()) {
    if (IsFloat(type.dtype)) return fit_float(static_cast<double>(*integer));
    if (IsInteger(type.dtype)) {
      const auto [low, high] = engine::IntegerRange(type.dtype);
      if (*integer >= low && *integer <= high) return literal;
      return wrong("`" + ToString(literal) + "` does not fit " + RangeText(type));
    }
  } else if (literal.AsNumber()) {
    if (IsFloat(type.dtype)) return fit_float(*literal.AsNumber());
  } else if (literal.AsBool() != nullptr) {
    if (type.dtype == DataType::kBool) return literal;
  } else if (literal.AsString() != nullptr) {
    if (type.dtype == DataType::kString) return literal;
  }
  return wrong("wanted " + ToString(type) + ", found `" + ShowLiteral(literal) + "`");
}

DiagnosticKind KindOfMisfit(const Value& literal, const engine::Type& type) {
  const bool is_integer = literal.AsInt() != nullptr || UnsignedOf(literal);
  const bool is_too_large = (is_integer && engine::IsInteger(type.dtype)) ||
                            (NumberOf(literal) && engine::IsFloat(type.dtype));
  return is_too_large ? DiagnosticKind::kBadLiteral : DiagnosticKind::kTypeMismatch;
}

}  // namespace raceway::compiler
