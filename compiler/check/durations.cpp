#include "compiler/check/durations.h"

#include <string>
#include <vector>

#include "compiler/check/quantities.h"
#include "dsl/print.h"
#include "engine/duration.h"

namespace raceway::compiler {
namespace {

using Kind = dsl::ast::Expr::Kind;

/// "900ms" for `900` and `900msec`.
std::string Help(const dsl::ast::Expr& expr) {
  std::string units = DurationUnitsHelp();
  if (expr.kind == Kind::kInt) return "`" + expr.text + "ms`? " + units;
  if (expr.kind != Kind::kQuantity) return units;
  const size_t end = expr.text.find_first_not_of("0123456789_.");
  if (end == std::string::npos) return units;
  const std::vector<std::string> near =
      dsl::DidYouMean(expr.text.substr(end), UnitsOf(Measure::kDuration));
  return near.empty() ? units : "did you mean `" + expr.text.substr(0, end) + near.front() + "`?";
}

/// `wait`, or `l.wait` of an imported file.
bool IsName(const dsl::ast::Expr& expr) {
  return expr.kind == Kind::kName ||
         (expr.kind == Kind::kMember && expr.children.front().kind == Kind::kName);
}

/// Of a literal or of a parameter that is a duration.
std::optional<std::chrono::nanoseconds> Read(const dsl::ast::Expr& expr,
                                             const Declarations& declarations) {
  if (expr.kind == Kind::kQuantity) return engine::DurationFromText(expr.text);
  if (!IsName(expr)) return std::nullopt;
  return std::chrono::nanoseconds(*declarations.params.at(dsl::PrintExpr(expr)).value.AsInt());
}

/// Says so if a name is no parameter, or one of another type.
bool IsNameWrong(const dsl::ast::Expr& expr, std::string_view option,
                 const Declarations& declarations, dsl::Diagnostics& diagnostics) {
  const std::string written = dsl::PrintExpr(expr);
  const auto found = declarations.params.find(written);
  if (found == declarations.params.end()) {
    std::vector<std::string> known;
    for (const auto& [name, param] : declarations.params) known.push_back(name);
    diagnostics.Add(dsl::DiagnosticKind::kUnknownName, expr.range, "no parameter `" + written + "`")
        .SuggestName(written, known);
    return true;
  }
  const engine::Type& type = found->second.type;
  if (type == engine::Type{engine::DataType::kDuration}) return false;
  diagnostics.Add(dsl::DiagnosticKind::kTypeMismatch, expr.range,
                  "`" + std::string(option) + "` is a duration, the parameter `" + written +
                      "` is " + ToString(type));
  return true;
}

}  // namespace

std::optional<std::chrono::nanoseconds> CheckDuration(const dsl::ast::Expr& expr,
                                                      std::string_view option,
                                                      const Declarations& declarations,
                                                      dsl::Diagnostics& diagnostics) {
  if (IsName(expr) && (declarations.IsBroken(dsl::PrintExpr(expr)) ||
                       IsNameWrong(expr, option, declarations, diagnostics))) {
    return std::nullopt;
  }
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
