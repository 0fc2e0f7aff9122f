// Literals: from syntax to values, and from values to the type they are needed as.
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "compiler/check/declarations.h"
#include "dsl/print.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::DataType;
using engine::Value;

std::string WithoutUnderscores(std::string text) {
  std::erase(text, '_');
  return text;
}

std::optional<int64_t> ParseInt(const std::string& literal) {
  std::string text = WithoutUnderscores(literal);
  const bool is_hex = text.starts_with("0x");
  if (is_hex) text = text.substr(2);
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, is_hex ? 16 : 10);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> ParseFloat(const std::string& literal) {
  const std::string text = WithoutUnderscores(literal);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<Value> Negated(const Value& value) {
  if (const int64_t* integer = value.AsInt()) return Value(-*integer);
  if (const std::optional<double> number = value.AsNumber()) return Value(-*number);
  return std::nullopt;
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
      if (const auto value = ParseInt(expr.text)) return Value(*value);
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
        if (expr.text == "+" && operand->AsNumber()) return operand;
        if (auto value = Negated(*operand); value && expr.text == "-") return value;
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
    case Kind::kQuantity:
      return bad(DiagnosticKind::kNotImplemented,
                 "`" + expr.text + "`: quantities with a unit are not implemented yet here");
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
  if (type.is_unknown()) return literal;
  if (!type.is_scalar()) return wrong("a constant is a scalar, wanted " + ToString(type));
  if (const int64_t* integer = literal.AsInt()) {
    if (IsFloat(type.dtype)) return Value(static_cast<double>(*integer));
    if (IsInteger(type.dtype)) {
      const auto [low, high] = engine::IntegerRange(type.dtype);
      if (*integer >= low && *integer <= high) return literal;
      return wrong("`" + ToString(literal) + "` does not fit " + ToString(type) + " (" +
                   std::to_string(low) + " to " + std::to_string(high) + ")");
    }
  } else if (literal.AsNumber()) {
    if (IsFloat(type.dtype)) return literal;
  } else if (literal.AsBool() != nullptr) {
    if (type.dtype == DataType::kBool) return literal;
  } else if (literal.AsString() != nullptr) {
    if (type.dtype == DataType::kString) return literal;
  }
  return wrong("wanted " + ToString(type) + ", found `" + ToString(literal) + "`");
}

}  // namespace raceway::compiler
