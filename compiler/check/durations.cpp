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

}  // namespace

std::optional<std::chrono::nanoseconds> CheckDuration(const dsl::ast::Expr& expr,
                                                      std::string_view option,
                                                      dsl::Diagnostics& diagnostics) {
  const std::optional<std::chrono::nanoseconds> duration =
      expr.kind == Kind::kQuantity ? engine::DurationFromText(expr.text) : std::nullopt;
  if (duration && duration->count() > 0) return duration;
  dsl::Diagnostic& diagnostic = diagnostics.Add(
      dsl::DiagnosticKind::kBadLiteral, expr.range,
      "`" + std::string(option) + "` is a time with its unit, longer than none; this is `" +
          dsl::PrintExpr(expr) + "`");
  if (!duration) diagnostic.help = Help(expr);
  return std::nullopt;
}

}  // namespace raceway::compiler
