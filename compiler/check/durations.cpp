#include "compiler/check/durations.h"

#include <string>
#include <vector>

#include "dsl/print.h"
#include "engine/duration.h"

namespace raceway::compiler {
namespace {

using Kind = dsl::ast::Expr::Kind;

/// "900ms" for `900` and `900msec`.
std::string Help(const dsl::ast::Expr& expr) {
  std::string units = "the units are `us`, `ms`, `s`, `min` and `h`";
  if (expr.kind == Kind::kInt) return "`" + expr.text + "ms`? " + units;
  if (expr.kind != Kind::kQuantity) return units;
  const size_t end = expr.text.find_first_not_of("0123456789_.");
  if (end == std::string::npos) return units;
  const std::vector<std::string> near =
      dsl::DidYouMean(expr.text.substr(end), engine::DurationUnits());
  return near.empty() ? units : "did you mean `" + expr.text.substr(0, end) + near.front() + "`?";
}

std::optional<std::chrono::nanoseconds> Read(const dsl::ast::Expr& expr,
                                             const Declarations& declarations) {
  if (expr.kind == Kind::kQuantity) return engine::DurationFromText(expr.text);
  const auto param = declarations.params.find(expr.text);
  const bool is_duration = expr.kind == Kind::kName && param != declarations.params.end() &&
                           param->second.type == engine::Type{engine::DataType::kDuration};
  if (!is_duration) return std::nullopt;
  return std::chrono::nanoseconds(*param->second.value.AsInt());
}

}  // namespace

std::optional<std::chrono::nanoseconds> CheckDuration(const dsl::ast::Expr& expr,
                                                      std::string_view option,
                                                      const Declarations& declarations,
                                                      dsl::Diagnostics& diagnostics) {
  if (expr.kind == Kind::kName && declarations.IsBroken(expr.text)) return std::nullopt;
  const std::optional<std::chrono::nanoseconds> duration = Read(expr, declarations);
  if (duration && duration->count() > 0) return duration;
  dsl::Diagnostic& diagnostic = diagnostics.Add(
      dsl::DiagnosticKind::kBadLiteral, expr.range,
      "`" + std::string(option) + "` is a time with its unit, longer than none; this is `" +
          dsl::PrintExpr(expr) + "`");
  if (!duration) diagnostic.help = Help(expr);
  return std::nullopt;
}

}  // namespace raceway::compiler
