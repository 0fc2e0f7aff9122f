#include "compiler/testing/values.h"

#include <algorithm>
#include <array>
#include <optional>

#include "compiler/check/quantities.h"
#include "dsl/print.h"
#include "engine/data/time_text.h"
#include "engine/duration.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using dsl::SourceRange;
using ExprKind = ast::Expr::Kind;
using Kind = ValueType::Kind;

ValueType Poison() { return {}; }
ValueType Of(Kind kind) { return {kind, {}, Kind::kUnknown, {}}; }
ValueType Tensor(std::vector<int64_t> shape, Kind element) {
  return {Kind::kTensor, std::move(shape), element, {}};
}

bool IsEquality(std::string_view sign) { return sign == "==" || sign == "!="; }

constexpr std::array<std::string_view, 8> kFunctions = {"args", "calls",   "count", "error",
                                                        "file", "latency", "zeros", "one_hot"};

class Checker {
 public:
  explicit Checker(TestScope& scope) : scope_(scope) {}

  ValueType Check(const ast::Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kInt:
      case ExprKind::kFloat: return Number(expr);
      case ExprKind::kQuantity: return Quantity(expr);
      case ExprKind::kString: return Of(Kind::kString);
      case ExprKind::kBool: return Of(Kind::kBool);
      case ExprKind::kNull: return Of(Kind::kNull);
      case ExprKind::kName: return Name(expr);
      case ExprKind::kMember: return Member(expr);
      case ExprKind::kIndex: return Index(expr);
      case ExprKind::kCall: return Call(expr);
      case ExprKind::kUnary: return Unary(expr);
      case ExprKind::kBinary: return Binary(expr);
      case ExprKind::kIsNull: Check(expr.children.front()); return Of(Kind::kBool);
      case ExprKind::kIf: return If(expr);
      case ExprKind::kList: return List(expr);
      case ExprKind::kRecord:
        return Wrong(DiagnosticKind::kNotAnExpression, expr.range, "a row has no type by itself",
                     "compare it with a row of a table: `out[0] == { … }`");
      case ExprKind::kFString:
        return Wrong(DiagnosticKind::kNotAnExpression, expr.range,
                     "a text with holes does not go in a test", "write out what is expected");
    }
    return Poison();
  }

 private:
  ValueType Wrong(DiagnosticKind kind, SourceRange where, std::string message,
                  std::string help = "") {
    scope_.diagnostics.Add(kind, where, std::move(message)).help = std::move(help);
    return Poison();
  }

  ValueType Mismatch(const ast::Expr& expr, const ValueType& a, const ValueType& b) {
    return Wrong(DiagnosticKind::kTypeMismatch, expr.range,
                 "`" + expr.text + "` does not go with " + Describe(a) + " and " + Describe(b));
  }

  ValueType Number(const ast::Expr& expr) {
    const auto value = ConstantOf(expr, scope_.diagnostics);
    if (!value) return Poison();
    const bool is_integer = value->AsInt() != nullptr || UnsignedOf(*value);
    return Of(is_integer ? Kind::kInt : Kind::kFloat);
  }

  ValueType Quantity(const ast::Expr& expr) {
    if (engine::DurationFromText(expr.text)) return Of(Kind::kDuration);
    return Wrong(DiagnosticKind::kBadLiteral, expr.range,
                 "`" + expr.text + "` is no length of time that fits",
                 "units of time are ns, us, ms, s, min and h");
  }

  ValueType Name(const ast::Expr& expr) {
    const auto table = scope_.tables.find(expr.text);
    if (table != scope_.tables.end()) return table->second;
    const auto param = scope_.declarations.params.find(expr.text);
    if (param != scope_.declarations.params.end()) return ValueTypeOf(param->second.type);
    if (scope_.declarations.IsBroken(expr.text)) return Poison();
    std::vector<std::string> known;
    for (const auto& [name, type] : scope_.tables) known.push_back(name);
    for (const auto& [name, value] : scope_.declarations.params) known.push_back(name);
    return Wrong(DiagnosticKind::kUnknownName, expr.range,
                 "no table or parameter `" + expr.text + "` here", Suggest(expr.text, known));
  }

  ValueType Member(const ast::Expr& expr) {
    const ValueType object = Check(expr.children.front());
    if (object.is_unknown()) return Poison();
    if (object.kind == Kind::kTable) {
      return Wrong(DiagnosticKind::kTypeMismatch, expr.range, "a table has rows, say which",
                   "`" + dsl::PrintExpr(expr.children.front()) + "[0]." + expr.text + "`");
    }
    if (object.kind != Kind::kRow) {
      return Wrong(DiagnosticKind::kTypeMismatch, expr.range,
                   Describe(object) + " has no column `" + expr.text + "`");
    }
    const DeclaredColumn* column = FindColumn(object.columns, expr.text);
    if (column != nullptr) return ValueTypeOf(column->type);
    return Wrong(DiagnosticKind::kUnknownColumn, expr.text_range,
                 "the row has no column `" + expr.text + "`: " + ColumnsText(object.columns),
                 dsl::DidYouMeanText(expr.text, NamesOf(object.columns)));
  }

  ValueType Index(const ast::Expr& expr) {
    const ValueType object = Check(expr.children.front());
    bool is_fine = !object.is_unknown();
    for (size_t i = 1; i < expr.children.size(); ++i) {
      const ValueType index = Check(expr.children[i]);
      if (index.kind != Kind::kInt && !index.is_unknown()) {
        Wrong(DiagnosticKind::kTypeMismatch, expr.children[i].range,
              "an index is an integer, this is " + Describe(index));
      }
      is_fine &= index.kind == Kind::kInt;
    }
    if (!is_fine) return Poison();
    const size_t depth = expr.children.size() - 1;
    if (object.kind == Kind::kTable && depth == 1) {
      return {Kind::kRow, {}, Kind::kUnknown, object.columns};
    }
    if (object.kind != Kind::kTensor || depth > object.shape.size()) {
      return Wrong(DiagnosticKind::kTypeMismatch, expr.range,
                   Describe(object) + " cannot be indexed" +
                       (depth > 1 ? " by " + std::to_string(depth) + " indices" : ""));
    }
    if (depth == object.shape.size()) return Of(object.element);
    return Tensor({object.shape.begin() + static_cast<std::ptrdiff_t>(depth), object.shape.end()},
                  object.element);
  }

  // --- calls ---

  ValueType Call(const ast::Expr& expr) {
    const ast::Expr& callee = expr.children.front();
    const std::string name = callee.kind == ExprKind::kName ? callee.text : "";
    if (name == "zeros" || name == "one_hot") return Filled(expr, name);
    if (name == "slow" || name == "fails") {
      return Wrong(DiagnosticKind::kNotAnExpression, expr.range,
                   "`" + name + "` is an answer of a stub",
                   "stub f => slow(2s, { … })  or  stub f => fails(\"why\")");
    }
    if (name == "rows") {
      return Wrong(DiagnosticKind::kNotAnExpression, expr.range, "`rows` stands after `given`",
                   "given t: Schema = rows(\"t.jsonl\")");
    }
    if (std::find(kFunctions.begin(), kFunctions.end(), name) == kFunctions.end()) {
      std::vector<std::string> known(kFunctions.begin(), kFunctions.end());
      known.insert(known.end(), {"rows", "slow", "fails"});
      return Wrong(DiagnosticKind::kUnknownName, callee.range,
                   "no function `" + dsl::PrintExpr(callee) + "` in tests", Suggest(name, known));
    }
    const ast::Expr* argument = OnlyArgument(expr, scope_);
    if (argument == nullptr) return Poison();
    if (name == "calls" || name == "args") return OfFunction(name, *argument);
    if (name == "latency" || name == "error") return OfRun(name, *argument);
    const ValueType value = Check(*argument);
    if (value.is_unknown()) return Poison();
    if (name == "file") {
      if (argument->kind == ExprKind::kString) return Of(Kind::kBytes);
      return Wrong(DiagnosticKind::kBadArguments, argument->range,
                   "`file` takes a path in quotes, relative to the flow");
    }
    if (value.kind == Kind::kTable || value.kind == Kind::kTensor) return Of(Kind::kInt);
    return Wrong(DiagnosticKind::kTypeMismatch, argument->range,
                 "`count` counts the rows of a table, this is " + Describe(value));
  }

  /// `zeros(2, 3)`, `one_hot(index, size)`
  ValueType Filled(const ast::Expr& expr, const std::string& name) {
    std::vector<int64_t> sizes;
    bool is_fine = true;
    for (const ast::Arg& arg : expr.args) {
      const bool is_plain = arg.kind == ast::Arg::Kind::kPositional && arg.value.steps.empty();
      const ValueType value = is_plain ? Check(arg.value.head) : Of(Kind::kNull);
      if (!value.is_unknown() && value.kind != Kind::kInt) {
        Wrong(DiagnosticKind::kBadArguments, arg.range, "`" + name + "` takes integers");
      }
      is_fine &= value.kind == Kind::kInt;
      dsl::Diagnostics ignored;
      const auto size = is_plain ? ConstantOf(arg.value.head, ignored) : std::nullopt;
      const bool is_known = size && size->AsInt() != nullptr;
      if (is_known && *size->AsInt() < 0) {
        Wrong(DiagnosticKind::kBadArguments, arg.range, "this is less than 0");
        is_fine = false;
      }
      sizes.push_back(is_known ? *size->AsInt() : -1);
    }
    if (sizes.empty() || (name == "one_hot" && sizes.size() != 2)) {
      Wrong(DiagnosticKind::kBadArguments, expr.range,
            "`" + name + "` takes " +
                (name == "zeros" ? "the size of each dimension" : "the place of the 1 and a size"),
            name == "zeros" ? "zeros(1000)  or  zeros(2, 3)" : "one_hot(7, 1000)");
      is_fine = false;
    }
    if (is_fine && name == "one_hot") {
      if (sizes[0] >= sizes[1] && sizes[1] >= 0) {
        return Wrong(DiagnosticKind::kBadArguments, expr.range,
                     "there is no place " + std::to_string(sizes[0]) + " in " +
                         std::to_string(sizes[1]) + " elements");
      }
      sizes.erase(sizes.begin());
    }
    return is_fine ? Tensor(std::move(sizes), Kind::kInt) : Poison();
  }

  /// `calls(small)`, `args(small)`
  ValueType OfFunction(const std::string& name, const ast::Expr& argument) {
    const std::string function = dsl::PrintExpr(argument);
    const auto found = scope_.declarations.functions.find(function);
    if (found != scope_.declarations.functions.end()) {
      if (name == "calls") return Of(Kind::kInt);
      return {Kind::kTable, {}, Kind::kUnknown, found->second.params};
    }
    if (scope_.declarations.IsBroken(function)) return Poison();
    std::vector<std::string> known;
    for (const auto& [other, declared] : scope_.declarations.functions) known.push_back(other);
    return Wrong(DiagnosticKind::kUnknownName, argument.range,
                 "no model or function `" + function + "`", Suggest(function, known));
  }

  /// `latency(out)`, `error(out)`
  ValueType OfRun(const std::string& name, const ast::Expr& argument) {
    const auto found = scope_.runs.find(argument.text);
    if (argument.kind == ExprKind::kName && found != scope_.runs.end()) {
      found->second |= name == "error";
      return Of(name == "error" ? Kind::kString : Kind::kDuration);
    }
    if (argument.kind != ExprKind::kName || !Check(argument).is_unknown()) {
      Wrong(DiagnosticKind::kBadArguments, argument.range,
            "`" + name + "` is of a table that a flow made", "let out = flow(t)");
    }
    return Poison();
  }

  // --- signs ---

  ValueType Unary(const ast::Expr& expr) {
    ValueType value = Check(expr.children.front());
    if (value.is_unknown()) return Poison();
    const bool is_not = expr.text == "not";
    const bool fits =
        is_not ? value.kind == Kind::kBool
               : value.is_number() || value.kind == Kind::kDuration || value.kind == Kind::kTensor;
    if (fits) return value;
    return Wrong(DiagnosticKind::kTypeMismatch, expr.range,
                 "`" + expr.text + "` does not go with " + Describe(value));
  }

  ValueType Binary(const ast::Expr& expr) {
    const ast::Expr& left = expr.children[0];
    const ast::Expr& right = expr.children[1];
    if (expr.text == "in" || expr.text == "not in") return In(expr);
    if (expr.text == "..") {
      return Wrong(DiagnosticKind::kNotAnExpression, expr.range, "a range stands after `in`");
    }
    if (IsEquality(expr.text)) {
      if (IsLiteral(right)) return WithLiteral(left, right);
      if (IsLiteral(left)) return WithLiteral(right, left);
    }
    const ValueType a = Check(left);
    const ValueType b = Check(right);
    if (a.is_unknown() || b.is_unknown()) return Poison();
    if (expr.text == "and" || expr.text == "or") {
      const bool fits = a.kind == Kind::kBool && b.kind == Kind::kBool;
      return fits ? Of(Kind::kBool) : Mismatch(expr, a, b);
    }
    if (expr.text == "??") return AreComparable(a, b) ? b : Mismatch(expr, a, b);
    if (IsNoTimestamp(left, a, b) || IsNoTimestamp(right, b, a)) return Poison();
    if (IsEquality(expr.text)) {
      return AreComparable(a, b) ? Of(Kind::kBool) : Mismatch(expr, a, b);
    }
    if (std::string_view("+-*/").find(expr.text) != std::string_view::npos) {
      return Arithmetic(expr, a, b);
    }
    const bool is_ordered = (a.is_number() && b.is_number()) ||
                            (IsTime(a.kind) && IsTime(b.kind) && AreComparable(a, b)) ||
                            (a.kind == Kind::kString && b.kind == Kind::kString) ||
                            AreTimestampAndText(a, b);
    return is_ordered ? Of(Kind::kBool) : Mismatch(expr, a, b);
  }

  /// A row or table on one side, one written out on the other.
  ValueType WithLiteral(const ast::Expr& value, const ast::Expr& literal) {
    const ValueType type = Check(value);
    if (type.is_unknown()) return Poison();
    const std::string whose = "a row of `" + dsl::PrintExpr(value) + "`";
    const bool is_row = literal.kind == ExprKind::kRecord;
    if (type.kind != (is_row ? Kind::kRow : Kind::kTable)) {
      return Wrong(
          DiagnosticKind::kTypeMismatch, literal.range,
          std::string(is_row ? "a row" : "a table") + " is compared with " + Describe(type));
    }
    is_row ? CheckRow(literal, type.columns, "`" + dsl::PrintExpr(value) + "`", scope_)
           : CheckRows(literal, type.columns, whose, scope_);
    return Of(Kind::kBool);
  }

  static bool IsTime(Kind kind) { return kind == Kind::kDuration || kind == Kind::kTimestamp; }

  /// A timestamp is written as a text.
  static bool AreTimestampAndText(const ValueType& a, const ValueType& b) {
    return (a.kind == Kind::kTimestamp && b.kind == Kind::kString) ||
           (a.kind == Kind::kString && b.kind == Kind::kTimestamp);
  }

  /// Whether a text stands beside a timestamp and is none, which is reported.
  bool IsNoTimestamp(const ast::Expr& text, const ValueType& type, const ValueType& other) {
    if (type.kind != Kind::kString || other.kind != Kind::kTimestamp) return false;
    constexpr auto kTimestamp = engine::DataType::kTimestamp;
    if (text.kind != ExprKind::kString || engine::TimeFromText(text.text, kTimestamp)) return false;
    Wrong(DiagnosticKind::kBadLiteral, text.range,
          "this is not " + std::string(engine::TimeExample(kTimestamp)));
    return true;
  }

  static bool AreComparable(const ValueType& a, const ValueType& b) {
    if (a.kind == Kind::kNull || b.kind == Kind::kNull) return true;
    if (a.is_number() && b.is_number()) return true;
    if (a.kind == Kind::kTensor && b.kind == Kind::kTensor) {
      const auto is_number = [](Kind kind) { return kind == Kind::kInt || kind == Kind::kFloat; };
      const bool are_numbers = is_number(a.element) && is_number(b.element);
      return (a.element == b.element || are_numbers) && AreAlike(a.shape, b.shape);
    }
    const auto has_items = [](const ValueType& type) {
      return type.kind == Kind::kTensor || type.kind == Kind::kTable ||
             type.kind == Kind::kEmptyList;
    };
    if (a.kind == Kind::kEmptyList) return has_items(b);
    if (b.kind == Kind::kEmptyList) return has_items(a);
    if (a.kind == Kind::kRow || a.kind == Kind::kTable) {
      return a.kind == b.kind && NamesOf(a.columns) == NamesOf(b.columns);
    }
    const auto is_text = [](Kind kind) { return kind == Kind::kString || kind == Kind::kBytes; };
    return a.kind == b.kind || AreTimestampAndText(a, b) || (is_text(a.kind) && is_text(b.kind));
  }

  ValueType Arithmetic(const ast::Expr& expr, const ValueType& a, const ValueType& b) {
    const auto is_numeric = [](const ValueType& type) {
      return type.is_number() || (type.kind == Kind::kTensor &&
                                  (type.element == Kind::kInt || type.element == Kind::kFloat));
    };
    if (is_numeric(a) && is_numeric(b)) {
      const auto element = [](const ValueType& t) { return t.is_number() ? t.kind : t.element; };
      const bool is_float = element(a) == Kind::kFloat || element(b) == Kind::kFloat;
      const Kind result = is_float ? Kind::kFloat : Kind::kInt;
      if (a.is_number() && b.is_number()) return Of(result);
      if (a.kind == b.kind && !AreAlike(a.shape, b.shape)) return Mismatch(expr, a, b);
      return Tensor(a.kind == Kind::kTensor ? a.shape : b.shape, result);
    }
    const bool is_sum = expr.text == "+" || expr.text == "-";
    if (a.kind == Kind::kDuration && is_sum && b.kind == Kind::kDuration) return a;
    if (a.kind == Kind::kDuration && !is_sum && b.is_number()) return a;
    if (a.kind == Kind::kDuration && expr.text == "/" && b.kind == Kind::kDuration) {
      return Of(Kind::kFloat);
    }
    if (a.kind == Kind::kTimestamp && is_sum && b.kind == Kind::kDuration) return a;
    if (a.kind == Kind::kTimestamp && expr.text == "-" && b.kind == Kind::kTimestamp) {
      return Of(Kind::kDuration);
    }
    if (a.is_number() && expr.text == "*" && b.kind == Kind::kDuration) return b;
    return Mismatch(expr, a, b);
  }

  ValueType In(const ast::Expr& expr) {
    const ValueType value = Check(expr.children[0]);
    const ast::Expr& set = expr.children[1];
    const bool is_range = set.kind == ExprKind::kBinary && set.text == "..";
    if (!is_range && set.kind != ExprKind::kList) {
      return Wrong(DiagnosticKind::kTypeMismatch, set.range,
                   "`in` wants a list `[a, b]` or a range `a..b`");
    }
    for (const ast::Expr& member : set.children) {
      const ValueType other = Check(member);
      if (value.is_unknown() || other.is_unknown()) return Poison();
      if (IsNoTimestamp(member, other, value)) return Poison();
      const bool is_ordered = value.is_number() || IsTime(value.kind);
      if (AreComparable(value, other) && (is_ordered || !is_range)) continue;
      return Mismatch(expr, value, other);
    }
    return Of(Kind::kBool);
  }

  ValueType If(const ast::Expr& expr) {
    const ValueType condition = Check(expr.children[0]);
    const ValueType a = Check(expr.children[1]);
    const ValueType b = Check(expr.children[2]);
    if (condition.is_unknown() || a.is_unknown() || b.is_unknown()) return Poison();
    if (condition.kind != Kind::kBool) {
      return Wrong(DiagnosticKind::kTypeMismatch, expr.children[0].range,
                   "a condition is a bool, this is " + Describe(condition));
    }
    if (AreComparable(a, b)) return a.kind == Kind::kInt ? b : a;
    return Wrong(DiagnosticKind::kTypeMismatch, expr.range,
                 "this is " + Describe(a) + " or " + Describe(b));
  }

  /// `[1, 2.5]`, `[[1, 2], [3, 4]]`
  ValueType List(const ast::Expr& expr) {
    if (expr.children.empty()) return Of(Kind::kEmptyList);
    std::optional<ValueType> first;
    for (const ast::Expr& child : expr.children) {
      const ValueType item = Check(child);
      if (item.is_unknown()) return Poison();
      const bool is_nested = item.kind == Kind::kTensor;
      const Kind element = is_nested ? item.element : item.kind;
      const bool is_element = element == Kind::kBool || element == Kind::kInt ||
                              element == Kind::kFloat || element == Kind::kString;
      if (!is_element) {
        return Wrong(DiagnosticKind::kTypeMismatch, child.range,
                     Describe(item) + " is no element of a list");
      }
      if (!first) first = Tensor(item.shape, element);
      const bool is_mixed = first->element == Kind::kInt && element == Kind::kFloat;
      if (is_mixed) first->element = Kind::kFloat;
      const bool is_alike =
          element == first->element || (element == Kind::kInt && first->element == Kind::kFloat);
      if (!is_alike || !AreAlike(first->shape, item.shape)) {
        return Wrong(
            DiagnosticKind::kTypeMismatch, child.range,
            "this is " + Describe(item) + " beside " +
                (first->shape.empty() ? std::string(NameOf(first->element)) : Describe(*first)));
      }
    }
    first->shape.insert(first->shape.begin(), static_cast<int64_t>(expr.children.size()));
    return *first;
  }

  TestScope& scope_;
};

}  // namespace

ValueType CheckValue(const ast::Expr& expr, TestScope& scope) { return Checker(scope).Check(expr); }

}  // namespace raceway::compiler
