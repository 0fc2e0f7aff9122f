#include "compiler/check/param_values.h"

#include <string>
#include <variant>

#include "compiler/check/declarations.h"
#include "compiler/check/quantities.h"
#include "dsl/parse.h"
#include "dsl/print.h"
#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using engine::Type;
using engine::Value;

class ParamReader {
 public:
  ParamReader(const ast::ParamDecl& decl, const Type& type,
              const std::vector<ParamSetting>& settings, bool& is_badly_set,
              dsl::Diagnostics& diagnostics)
      : decl_(decl),
        type_(type),
        settings_(settings),
        is_badly_set_(is_badly_set),
        diagnostics_(diagnostics) {}

  std::optional<Value> Read() {
    std::string said;
    std::optional<Value> value = FromOutside(said);
    const bool is_set = !said.empty();
    SourceRange where = decl_.range;
    if (!is_set && decl_.default_value) {
      where = decl_.default_value->range;
      value = Default();
    } else if (!is_set) {
      diagnostics_
          .Add(DiagnosticKind::kBadParameter, decl_.range,
               "parameter `" + decl_.name.text + "` has no value")
          .help = "give it a default, or run with `--set " + decl_.name.text + "=…`";
    }
    if (!value) return std::nullopt;
    const std::optional<bool> is_allowed = IsAllowed(*value);
    if (is_allowed == false) {
      is_badly_set_ |= is_set;
      diagnostics_.Add(DiagnosticKind::kBadParameter, where,
                       (is_set ? said + ": " : "") + "`" + decl_.name.text + "` must be in " +
                           dsl::PrintExpr(*decl_.in) + ", this is " + ShowValue(*value, type_));
    }
    return is_allowed == true ? value : std::nullopt;
  }

 private:
  std::optional<Value> Default() {
    const std::optional<Value> written = ConstantOf(*decl_.default_value, diagnostics_);
    std::string why;
    std::optional<Value> value = written ? FitLiteral(*written, type_, why) : std::nullopt;
    if (written && !value) {
      diagnostics_.Add(KindOfMisfit(*written, type_), decl_.default_value->range, why);
    }
    return value;
  }

  /// `said` becomes what was set, in the words of who did; empty if nothing was.
  std::optional<Value> FromOutside(std::string& said) {
    // The last of several counts.
    for (auto set = settings_.rbegin(); set != settings_.rend(); ++set) {
      if (set->name != decl_.name.text) continue;
      said = set->said;
      std::string why;
      std::optional<Value> constant = set->value;
      const bool is_text =
          type_.dtype == engine::DataType::kString || type_.dtype == engine::DataType::kTimestamp;
      if (!constant && !is_text) constant = ParseConstant(set->text);
      // A file of parameters has no literals with a unit: `wait = "4ms"`.
      const std::string* text = constant ? constant->AsString() : nullptr;
      if (text != nullptr && type_.dtype == engine::DataType::kDuration) {
        constant = ParseConstant(*text);
      }
      std::optional<Value> fitted = FitLiteral(constant.value_or(Value(set->text)), type_, why);
      if (!fitted) {
        is_badly_set_ = true;
        diagnostics_.Add(DiagnosticKind::kBadParameter, decl_.range, said + ": " + why);
      }
      return fitted;
    }
    return std::nullopt;
  }

  /// A value as a file would write it, and nothing else.
  std::optional<Value> ParseConstant(const std::string& text) {
    const std::string before = "param x: " + ToString(type_) + " = ";
    const dsl::ParseResult parsed = dsl::Parse(dsl::Source("--set", before + text));
    if (parsed.diagnostics.has_errors() || parsed.file.items.size() != 1) return std::nullopt;
    const auto* param = std::get_if<ast::ParamDecl>(&parsed.file.items.front());
    if (param == nullptr || !param->default_value) return std::nullopt;
    const SourceRange all{static_cast<int32_t>(before.size()),
                          static_cast<int32_t>(before.size() + text.size())};
    if (param->default_value->range != all) return std::nullopt;
    dsl::Diagnostics ignored;
    return ConstantOf(*param->default_value, ignored);
  }

  /// Null where the range itself is wrong, which is reported.
  std::optional<bool> IsAllowed(const Value& value) {
    if (!decl_.in) return true;
    const ast::Expr& in = *decl_.in;
    std::string why;
    if (in.kind == ast::Expr::Kind::kBinary && in.text == "..") {
      const auto low = ConstantOf(in.children[0], diagnostics_);
      const auto high = ConstantOf(in.children[1], diagnostics_);
      if (!low || !high) return std::nullopt;
      if (engine::IsTime(type_.dtype)) return IsBetween(*low, value, *high);
      const auto least = NumberOf(*low);
      const auto most = NumberOf(*high);
      const auto number = NumberOf(LiteralOf(value, type_.dtype));
      if (!least || !most || !number) {
        diagnostics_.Add(DiagnosticKind::kTypeMismatch, in.range, "a range is of numbers");
        return std::nullopt;
      }
      if (*least > *most) return ReportNothingIn();
      return *least <= *number && *number <= *most;
    }
    if (in.kind == ast::Expr::Kind::kList) {
      if (in.children.empty()) return ReportNothingIn();
      for (const ast::Expr& child : in.children) {
        const auto allowed = ConstantOf(child, diagnostics_);
        if (!allowed) return std::nullopt;
        if (FitLiteral(*allowed, type_, why) == value) return true;
      }
      return false;
    }
    diagnostics_.Add(DiagnosticKind::kBadLiteral, in.range,
                     "expected a range `low..high` or a list `[a, b]`");
    return std::nullopt;
  }

  /// Null where an end is no time, which is reported.
  std::optional<bool> IsBetween(const Value& low, const Value& value, const Value& high) {
    std::string why;
    const std::optional<Value> first = FitLiteral(low, type_, why);
    const std::optional<Value> last = FitLiteral(high, type_, why);
    if (first && last) {
      if (*first->AsInt() > *last->AsInt()) return ReportNothingIn();
      return *first->AsInt() <= *value.AsInt() && *value.AsInt() <= *last->AsInt();
    }
    diagnostics_.Add(DiagnosticKind::kTypeMismatch, decl_.in->range, why);
    return std::nullopt;
  }

  std::nullopt_t ReportNothingIn() {
    const ast::Expr& in = *decl_.in;
    diagnostics_
        .Add(DiagnosticKind::kBadLiteral, in.range, "nothing is in `" + dsl::PrintExpr(in) + "`")
        .help = in.kind == ast::Expr::Kind::kBinary ? "the smaller end comes first" : "";
    return std::nullopt;
  }

  const ast::ParamDecl& decl_;
  const Type& type_;
  const std::vector<ParamSetting>& settings_;
  bool& is_badly_set_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

std::optional<Value> ValueOfParam(const ast::ParamDecl& decl, const Type& type,
                                  const std::vector<ParamSetting>& settings, bool& is_badly_set,
                                  dsl::Diagnostics& diagnostics) {
  return ParamReader(decl, type, settings, is_badly_set, diagnostics).Read();
}

}  // namespace raceway::compiler
