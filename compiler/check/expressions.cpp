#include "compiler/check/expressions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "compiler/check/foreign_names.h"
#include "compiler/check/nulls.h"
#include "compiler/check/quantities.h"
#include "compiler/rewrite/constant_folding.h"
#include "dsl/literal.h"
#include "dsl/print.h"
#include "engine/data/time_text.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::ColumnFunctionContract;
using engine::DataType;
using engine::Expression;
using engine::Type;
using engine::Value;
using Kind = ast::Expr::Kind;

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kOperators = {{
    {"+", "add"},
    {"-", "sub"},
    {"*", "mul"},
    {"/", "div"},
    {"==", "eq"},
    {"!=", "ne"},
    {"<", "lt"},
    {"<=", "le"},
    {">", "gt"},
    {">=", "ge"},
    {"and", "and"},
    {"or", "or"},
    {"not", "not"},
}};

/// What only tests can call.
constexpr std::array<std::string_view, 2> kOfTests = {"file", "rows"};

std::string_view FunctionOf(std::string_view sign) {
  for (const auto& [candidate, function] : kOperators) {
    if (candidate == sign) return function;
  }
  return {};
}

/// What takes the type of what stands beside it.
bool IsLiteral(const ast::Expr& expr) {
  switch (expr.kind) {
    case Kind::kNull:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kString:
    case Kind::kQuantity: return true;
    case Kind::kUnary:
      return expr.text != "not" && expr.children.front().kind != Kind::kNull &&
             expr.children.front().kind != Kind::kString && IsLiteral(expr.children.front());
    default: return false;
  }
}

Type DefaultTypeOf(const Value& literal) {
  if (literal.AsBool() != nullptr) return {DataType::kBool, {}, false};
  if (literal.AsInt() != nullptr) return {DataType::kI64, {}, false};
  if (literal.AsString() != nullptr) return {DataType::kString, {}, false};
  if (NanosecondsOf(literal)) return {DataType::kDuration, {}, false};
  return {DataType::kF32, {}, false};
}

/// Columns that are known to have a value, for as long as it lives.
class Known {
 public:
  Known(std::vector<std::string>& known, const std::vector<std::string>& more)
      : known_(known), num_before_(known.size()) {
    known.insert(known.end(), more.begin(), more.end());
  }
  Known(const Known&) = delete;
  ~Known() { known_.resize(num_before_); }

 private:
  std::vector<std::string>& known_;
  size_t num_before_;
};

class Checker {
 public:
  explicit Checker(const ExpressionScope& scope) : scope_(scope) {}

  Expression Check(const ast::Expr& expr, const Type* wanted) {
    switch (expr.kind) {
      case Kind::kInt:
      case Kind::kFloat:
      case Kind::kString:
      case Kind::kQuantity:
      case Kind::kBool: return Literal(expr, wanted);
      case Kind::kName: return Name(expr);
      case Kind::kMember: return Member(expr);
      case Kind::kCall: return Call(expr);
      case Kind::kUnary:
        if (IsLiteral(expr)) return Literal(expr, wanted);
        return Unary(expr, wanted);
      case Kind::kBinary: return Binary(expr, wanted);
      case Kind::kIf: return If(expr, wanted);
      case Kind::kFString: return FString(expr);
      case Kind::kNull: return Null(expr, wanted);
      case Kind::kIsNull: return IsNull(expr);
      case Kind::kIndex: return Index(expr);
      case Kind::kRecord:
        return Wrong(expr.range, "a record is no value of a column",
                     "each of its members can be a column: `derive(a = x, b = y)`");
      case Kind::kList: return List(expr, wanted);
    }
    return Poison();
  }

 private:
  static Expression Poison() { return Expression::Constant({}, {}); }

  Expression Wrong(dsl::SourceRange where, std::string message, std::string help = "") {
    scope_.diagnostics.Add(DiagnosticKind::kTypeMismatch, where, std::move(message)).help =
        std::move(help);
    return Poison();
  }

  Expression Literal(const ast::Expr& expr, const Type* wanted) {
    const std::optional<Value> value = ConstantOf(expr, scope_.diagnostics);
    if (!value) return Poison();
    Type type = DefaultTypeOf(*value);
    // A literal takes the type its surroundings ask for where it can; if it cannot, its own type
    // goes on and the surroundings complain.
    if (wanted != nullptr && !wanted->is_unknown()) {
      const Type scalar{wanted->dtype, {}, false};
      std::string why;
      if (const std::optional<Value> fitted = FitLiteral(*value, scalar, why)) {
        return Expression::Constant(*fitted, scalar);
      }
      if (wanted->dtype == DataType::kTimestamp && value->AsString() != nullptr) {
        return BadLiteral(expr, "this is not " + std::string(engine::TimeExample(wanted->dtype)));
      }
      if (KindOfMisfit(*value, scalar) == DiagnosticKind::kBadLiteral) return BadLiteral(expr, why);
      // What a time is multiplied by loses nothing.
      const bool is_float = type.dtype == DataType::kF32;
      if (is_float && wanted->dtype == DataType::kDuration) type.dtype = DataType::kF64;
    }
    if (UnsignedOf(*value)) {
      return BadLiteral(expr, "`" + ShowLiteral(*value) + "` does not fit `i64`",
                        "the greatest is 9223372036854775807; `u64(…)` takes more");
    }
    std::string why;
    const std::optional<Value> own = FitLiteral(*value, type, why);
    return own ? Expression::Constant(*own, type) : BadLiteral(expr, why, "`f64(…)` takes more");
  }

  Expression BadLiteral(const ast::Expr& expr, std::string why, std::string help = "") {
    scope_.diagnostics.Add(DiagnosticKind::kBadLiteral, expr.range, std::move(why)).help =
        std::move(help);
    return Poison();
  }

  /// `f"{a} of {n}"` ⇒ concat(a, " of ", string(n))
  Expression FString(const ast::Expr& expr) {
    const std::vector<std::string> texts = dsl::FStringTexts(expr);
    const Type string{DataType::kString, {}, false};
    std::vector<Expression> parts;
    bool is_poisoned = false;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (!texts[i].empty()) parts.push_back(Expression::Constant(texts[i], string));
      if (i == expr.children.size()) break;
      Expression hole = CheckValue(expr.children[i], nullptr);
      if (!hole.type.is_unknown() && hole.type != string) {
        hole = Apply("string", expr.children[i].range, {std::move(hole)});
      }
      is_poisoned |= hole.type.is_unknown();
      parts.push_back(std::move(hole));
    }
    if (is_poisoned) return Poison();
    if (parts.empty()) return Expression::Constant("", string);
    if (parts.size() == 1) return std::move(parts.front());
    return Apply("concat", expr.range, std::move(parts));
  }

  Expression Name(const ast::Expr& expr) {
    if (const TableColumn* column = scope_.table.Find(expr.text)) {
      return Read(*column);
    }
    const auto param = scope_.declarations.params.find(expr.text);
    if (param != scope_.declarations.params.end()) {
      return Expression::Constant(param->second.value, param->second.type);
    }
    if (!scope_.declarations.IsBroken(expr.text)) {
      ReportUnknownColumn(expr.text, expr.range, scope_);
    }
    return Poison();
  }

  Expression Read(const TableColumn& column) {
    Expression value = Expression::Column(column.id, scope_.builder.TypeOf(column.id));
    const bool is_known = std::find(known_.begin(), known_.end(), column.id) != known_.end();
    if (!value.type.optional || !is_known) return value;
    return Apply("value", {}, {std::move(value)});
  }

  /// A null takes its type from where it stands.
  Expression Null(const ast::Expr& expr, const Type* wanted) {
    if (wanted == nullptr) {
      return Wrong(expr.range, "nothing here says of which type this `null` is",
                   "a `null` stands beside a value: `if known then x else null`");
    }
    Type type = *wanted;
    type.optional = !type.is_unknown();
    return Expression::Constant({}, std::move(type));
  }

  Expression NeverNull(dsl::SourceRange where, const ast::Expr& value, const Type& type,
                       const std::string& help) {
    return Wrong(where,
                 "`" + dsl::PrintExpr(value) + "` is " + scope_.builder.dims.Show(type) +
                     ", which is never null",
                 help);
  }

  Expression IsNull(const ast::Expr& expr) {
    Expression value = Check(expr.children.front(), nullptr);
    if (value.type.is_unknown()) return Poison();
    if (!value.type.optional) {
      return NeverNull(expr.range, expr.children.front(), value.type, "take the question out");
    }
    Expression question = Apply("is_null", expr.range, {std::move(value)});
    if (expr.text == "is null") return question;
    return Apply("not", expr.range, {std::move(question)});
  }

  Expression Coalesce(const ast::Expr& expr, const Type* wanted) {
    Expression value = Check(expr.children[0], wanted);
    if (value.type.is_unknown()) return Poison();
    if (!value.type.optional) {
      return NeverNull(expr.range, expr.children[0], value.type, "take the `??` out");
    }
    Type plain = value.type;
    plain.optional = false;
    Expression other = Check(expr.children[1], &plain);
    if (other.type.is_unknown()) return Poison();
    plain.optional = other.type.optional;
    if (other.type != plain) {
      return Wrong(expr.children[1].range, "`??` wants a value of the type on its left, which is " +
                                               scope_.builder.dims.Show(value.type) + "; this is " +
                                               scope_.builder.dims.Show(other.type));
    }
    return Apply("coalesce", expr.range, {std::move(value), std::move(other)}, "??");
  }

  /// One that must not be null.
  Expression CheckValue(const ast::Expr& expr, const Type* wanted) {
    Expression value = Check(expr, wanted);
    return RefuseNull(expr, value) ? Poison() : value;
  }

  /// Whether a value that may be null stands where there must be one, which is reported.
  bool RefuseNull(const ast::Expr& expr, const Expression& value) {
    if (!value.type.optional) return false;
    if (expr.kind == Kind::kNull) {
      Wrong(expr.range, "`null` is no value", "ask for it with `x is null`");
    } else {
      Wrong(expr.range,
            "`" + dsl::PrintExpr(expr) + "` may be null: it is " +
                scope_.builder.dims.Show(value.type),
            CuresOfNull(expr));
    }
    return true;
  }

  /// `s.top`: a column that `map(…) as s` made.
  Expression Member(const ast::Expr& expr) {
    const ast::Expr& object = expr.children.front();
    if (object.kind == Kind::kName) {
      const std::string name = object.text + "." + expr.text;
      if (const TableColumn* column = scope_.table.Find(name)) {
        return Read(*column);
      }
      // A parameter of an imported file.
      const auto param = scope_.declarations.params.find(name);
      if (param != scope_.declarations.params.end()) {
        return Expression::Constant(param->second.value, param->second.type);
      }
      if (scope_.table.Find(object.text) == nullptr) {
        if (scope_.declarations.IsBroken(name)) return Poison();
        ReportUnknownColumn(name, expr.range, scope_);
        return Poison();
      }
    }
    if (expr.text == "shape") {
      Expression value = CheckValue(object, nullptr);
      if (value.type.is_unknown()) return Poison();
      return Apply("shape", expr.range, {std::move(value)});
    }
    return Wrong(expr.range, "a value has no member `" + expr.text + "`",
                 "tensors have a `shape`: `x.shape[0]`");
  }

  /// `x[0, 1]`: the places count from 0.
  Expression Index(const ast::Expr& expr) {
    const Type place{DataType::kI64, {}, false};
    std::vector<Expression> args;
    bool is_poisoned = false;
    for (const ast::Expr& child : expr.children) {
      args.push_back(CheckValue(child, args.empty() ? nullptr : &place));
      is_poisoned |= args.back().type.is_unknown();
    }
    return is_poisoned ? Poison() : Apply("index", expr.range, std::move(args));
  }

  /// `[a, b]`: literals take the type of the first element that is none.
  Expression List(const ast::Expr& expr, const Type* wanted) {
    if (expr.children.empty()) return Wrong(expr.range, "an empty list has no type");
    std::vector<Expression> args(expr.children.size(), Poison());
    const Type* type = wanted;
    for (const bool is_literal : {false, true}) {
      for (size_t i = 0; i < args.size(); ++i) {
        if (IsLiteral(expr.children[i]) != is_literal) continue;
        args[i] = CheckValue(expr.children[i], type);
        if (args[i].type.is_unknown()) return Poison();
        if (!is_literal || type == nullptr) type = &args[i].type;
      }
    }
    return Apply("list", expr.range, std::move(args));
  }

  Expression Unary(const ast::Expr& expr, const Type* wanted) {
    if (expr.text == "+") return CheckValue(expr.children.front(), wanted);
    Expression operand = CheckValue(expr.children.front(), wanted);
    if (operand.type.is_unknown()) return Poison();
    return Apply(expr.text == "not" ? "not" : "neg", expr.range, {std::move(operand)});
  }

  /// Both sides of an operator; a literal takes the type of the other side.
  std::pair<Expression, Expression> Sides(const ast::Expr& left, const ast::Expr& right,
                                          const Type* wanted) {
    if (IsLiteral(left) && !IsLiteral(right)) {
      Expression b = Check(right, wanted);
      return {Check(left, &b.type), std::move(b)};
    }
    Expression a = Check(left, wanted);
    Expression b = Check(right, &a.type);
    return {std::move(a), std::move(b)};
  }

  Expression Binary(const ast::Expr& expr, const Type* wanted) {
    const ast::Expr& left = expr.children[0];
    const ast::Expr& right = expr.children[1];
    if (expr.text == "in" || expr.text == "not in") return In(expr);
    if (expr.text == "??") return Coalesce(expr, wanted);
    if (expr.text == "and" || expr.text == "or") return Logic(expr);
    if (expr.text == "..") {
      return Wrong(expr.range, "a range is no value", "it stands behind `in`: `x in 0..9`");
    }
    const std::string_view function = FunctionOf(expr.text);
    const bool is_arithmetic = std::string_view("+-*/").find(expr.text) != std::string_view::npos;
    auto [a, b] = Sides(left, right, is_arithmetic ? wanted : nullptr);
    if (a.type.is_unknown() || b.type.is_unknown()) return Poison();
    const bool is_null_right = right.kind == Kind::kNull;
    if (RefuseNull(is_null_right ? right : left, is_null_right ? b : a) || RefuseNull(right, b)) {
      return Poison();
    }
    if (expr.text != "*" && expr.text != "/") {
      if (WantsUnit(left, a, b) || WantsUnit(right, b, a)) return Poison();
    }
    return Apply(function, expr.range, {std::move(a), std::move(b)}, expr.text);
  }

  /// Whether a bare number stands beside a duration, which is reported.
  bool WantsUnit(const ast::Expr& expr, const Expression& value, const Expression& other) {
    const bool is_bare = IsLiteral(expr) && engine::IsNumber(value.type.dtype);
    if (!is_bare || other.type.dtype != DataType::kDuration) return false;
    const std::string written = dsl::PrintExpr(expr);
    Wrong(expr.range, "`" + written + "` has no unit, and a duration has one",
          "`" + written + "ms`? " + DurationUnitsHelp());
    return true;
  }

  /// The right side is asked only where the left one does not decide, so that it knows what the
  /// left one says: `x is not null and x > 3`.
  Expression Logic(const ast::Expr& expr) {
    Expression a = CheckValue(expr.children[0], nullptr);
    const Known known(known_, KnownWhere(a, expr.text == "and"));
    Expression b = CheckValue(expr.children[1], nullptr);
    if (a.type.is_unknown() || b.type.is_unknown()) return Poison();
    return Apply(expr.text, expr.range, {std::move(a), std::move(b)}, expr.text);
  }

  /// `5..1`
  static bool IsEmptyRange(const ast::Expr& range, const std::vector<Expression>& ends) {
    if (!IsLiteral(range.children[0]) || !IsLiteral(range.children[1])) return false;
    const Expression is_empty =
        Fold(Expression::Call("gt", {ends[0], ends[1]}, Type{DataType::kBool}));
    return is_empty.kind == Expression::Kind::kConstant && *is_empty.constant.AsBool();
  }

  /// `x in [a, b]` ⇒ x == a or x == b;  `x in a..b` ⇒ x >= a and x <= b
  Expression In(const ast::Expr& expr) {
    const ast::Expr& set = expr.children[1];
    Expression x = CheckValue(expr.children[0], nullptr);
    if (x.type.is_unknown()) return Poison();
    std::vector<Expression> members;
    const bool is_range = set.kind == Kind::kBinary && set.text == "..";
    if (!is_range && set.kind != Kind::kList) return InTensor(expr, std::move(x));
    if (set.children.empty()) return Wrong(set.range, "nothing is in an empty list");
    for (size_t i = 0; i < set.children.size(); ++i) {
      Expression member = CheckValue(set.children[i], &x.type);
      if (member.type.is_unknown()) return Poison();
      members.push_back(std::move(member));
    }
    const bool is_empty = is_range && IsEmptyRange(set, members);
    std::vector<Expression> tests;
    for (size_t i = 0; i < members.size(); ++i) {
      const std::string_view compare = !is_range ? "eq" : i == 0 ? "ge" : "le";
      Expression one = Apply(compare, set.children[i].range, {x, std::move(members[i])}, expr.text);
      if (one.type.is_unknown()) return Poison();
      tests.push_back(std::move(one));
    }
    if (is_empty) return Wrong(set.range, "nothing is in an empty range");
    Expression result = Combine(is_range ? "and" : "or", expr.range, std::move(tests));
    return expr.text == "in" ? result : Apply("not", expr.range, {std::move(result)});
  }

  Expression InTensor(const ast::Expr& expr, Expression x) {
    const ast::Expr& set = expr.children[1];
    Expression elements = CheckValue(set, nullptr);
    if (elements.type.is_unknown()) return Poison();
    if (elements.type.is_scalar()) {
      return Wrong(set.range, "`in` wants a list `[a, b]`, a range `a..b` or a tensor");
    }
    Expression result = Apply("in", expr.range, {std::move(x), std::move(elements)});
    if (expr.text == "in" || result.type.is_unknown()) return result;
    return Apply("not", expr.range, {std::move(result)});
  }

  /// Two by two, so that a long list is no deep expression.
  Expression Combine(std::string_view function, dsl::SourceRange where,
                     std::vector<Expression> tests) {
    while (tests.size() > 1) {
      std::vector<Expression> pairs;
      for (size_t i = 0; i + 1 < tests.size(); i += 2) {
        pairs.push_back(Apply(function, where, {std::move(tests[i]), std::move(tests[i + 1])}));
      }
      if (tests.size() % 2 == 1) pairs.push_back(std::move(tests.back()));
      tests = std::move(pairs);
    }
    return std::move(tests.front());
  }

  Expression If(const ast::Expr& expr, const Type* wanted) {
    Expression condition = CheckValue(expr.children[0], nullptr);
    auto [a, b] = Branches(expr, condition, wanted);
    if (condition.type.is_unknown() || a.type.is_unknown() || b.type.is_unknown()) return Poison();
    if (condition.type != Type{DataType::kBool, {}, false}) {
      return Wrong(expr.children[0].range,
                   "a condition is bool, this is " + scope_.builder.dims.Show(condition.type));
    }
    if (a.type.optional != b.type.optional) {
      Expression& plain = a.type.optional ? b : a;
      plain = Apply("optional", expr.range, {std::move(plain)});
    }
    return Apply("if", expr.range, {std::move(condition), std::move(a), std::move(b)});
  }

  /// Each knows what the condition says where it is taken; a literal takes the type of the other.
  std::pair<Expression, Expression> Branches(const ast::Expr& expr, const Expression& condition,
                                             const Type* wanted) {
    const auto check = [&](bool truth, const Type* type) {
      const Known known(known_, KnownWhere(condition, truth));
      return Check(expr.children[truth ? 1 : 2], type);
    };
    if (IsLiteral(expr.children[1]) &&
        (!IsLiteral(expr.children[2]) || expr.children[1].kind == Kind::kNull)) {
      Expression b = check(false, wanted);
      return {check(true, &b.type), std::move(b)};
    }
    Expression a = check(true, wanted);
    Expression b = check(false, &a.type);
    return {std::move(a), std::move(b)};
  }

  Expression Call(const ast::Expr& expr) {
    const ast::Expr& callee = expr.children.front();
    if (callee.kind != Kind::kName) {
      return Wrong(callee.range, "only a column function can be called here");
    }
    const ColumnFunctionContract* contract = scope_.catalog.FindColumnFunction(callee.text);
    if (contract == nullptr || contract->is_operator) return UnknownFunction(callee);
    const bool is_alike = contract->sized_type == nullptr;
    std::vector<Expression> args;
    bool is_poisoned = false;
    for (const ast::Arg& arg : expr.args) {
      if (arg.kind != ast::Arg::Kind::kPositional || !arg.value.steps.empty() || arg.value.with) {
        return Wrong(arg.range, "`" + callee.text + "` takes plain values");
      }
      // A literal beside a column takes its type: `max_of(x, 0)`. A size or a place does not.
      const Type* wanted = is_alike && !args.empty() ? &args.front().type : nullptr;
      const std::optional<Type> cast = TypeInCast(callee.text, arg.value.head);
      args.push_back(CheckValue(arg.value.head, cast ? &*cast : wanted));
      if (cast && engine::IsTime(cast->dtype)) return TimeLiteral(arg.value.head, *cast, args[0]);
      is_poisoned |= args.back().type.is_unknown();
    }
    if (is_poisoned) return Poison();
    if (args.size() < contract->min_args || args.size() > contract->max_args) {
      scope_.diagnostics
          .Add(DiagnosticKind::kBadArguments, expr.range,
               "`" + callee.text + "` takes " + std::to_string(contract->min_args) +
                   (contract->min_args == contract->max_args
                        ? ""
                        : " to " + std::to_string(contract->max_args)) +
                   (contract->max_args == 1 ? " argument" : " arguments") + ", found " +
                   std::to_string(args.size()))
          .help = contract->signature;
      return Poison();
    }
    return Apply(callee.text, expr.range, std::move(args));
  }

  /// What a cast makes of a literal within it at once, so that `f64(0.1)` is no f32 in between and
  /// `u64(18446744073709551615)` no i64. A float that is cut to an integer is an f64 until then.
  static std::optional<Type> TypeInCast(std::string_view cast, const ast::Expr& literal) {
    const std::optional<DataType> to = engine::DataTypeFromName(cast);
    if (!to) return std::nullopt;
    if (engine::IsTime(*to) && literal.kind == Kind::kString) return Type{*to};
    const bool is_number =
        IsLiteral(literal) && literal.kind != Kind::kString && engine::IsNumber(*to);
    if (!is_number) return std::nullopt;
    const ast::Expr* number = &literal;
    while (number->kind == Kind::kUnary) number = &number->children.front();
    if (number->kind == Kind::kQuantity || number->kind == Kind::kNull) return std::nullopt;
    return Type{number->kind == Kind::kFloat && engine::IsInteger(*to) ? DataType::kF64 : *to};
  }

  /// `timestamp("2026-11-28T21:17:50Z")`: known before it runs.
  Expression TimeLiteral(const ast::Expr& text, const Type& type, const Expression& checked) {
    if (checked.type == type) return checked;
    const std::optional<int64_t> time = engine::TimeFromText(text.text, type.dtype);
    if (time) return Expression::Constant(Value(*time), type);
    return BadLiteral(text, "this is not " + std::string(engine::TimeExample(type.dtype)));
  }

  Expression UnknownFunction(const ast::Expr& callee) {
    if (scope_.declarations.IsBroken(callee.text)) return Poison();
    if (scope_.catalog.FindAggregate(callee.text) != nullptr) {
      scope_.diagnostics
          .Add(DiagnosticKind::kUnknownName, callee.range,
               "`" + callee.text + "` is of several rows: it stands in `agg`")
          .help =
          "groupby(…) |> agg(n = " + callee.text + (callee.text == "count" ? "())" : "(…))");
      return Poison();
    }
    if (std::find(kOfTests.begin(), kOfTests.end(), callee.text) != kOfTests.end()) {
      scope_.diagnostics.Add(DiagnosticKind::kUnknownName, callee.range,
                             "`" + callee.text + "` can only be called in a test");
      return Poison();
    }
    std::vector<std::string> known;
    for (const ColumnFunctionContract& contract : scope_.catalog.column_functions()) {
      // A list that holds every cast teaches less.
      const bool is_cast = engine::DataTypeFromName(contract.name).has_value();
      if (!contract.is_operator && !is_cast) known.push_back(contract.name);
    }
    dsl::Diagnostic& diagnostic = scope_.diagnostics.Add(
        DiagnosticKind::kUnknownName, callee.range, "no column function `" + callee.text + "`");
    SuggestOwn(diagnostic, NameKind::kFunction, callee.text, known, true);
    if (callee.text == "coalesce" || callee.text == "ifnull" || callee.text == "nvl") {
      diagnostic.help = "a value for where there is none: `x ?? 0`";
    }
    if (callee.text == "isnull" || callee.text == "is_null" || callee.text == "isnone") {
      diagnostic.help = "ask `x is null`";
    }
    if (scope_.declarations.functions.contains(callee.text)) {
      diagnostic.help = "models and functions are applied as a step: `|> map(" + callee.text + ")`";
    }
    return Poison();
  }

  Expression Apply(std::string_view function, dsl::SourceRange where, std::vector<Expression> args,
                   std::string_view sign = {}) {
    const ColumnFunctionContract* contract = scope_.catalog.FindColumnFunction(function);
    if (contract == nullptr) {
      scope_.diagnostics.Add(
          DiagnosticKind::kNotImplemented, where,
          "`" + std::string(sign.empty() ? function : sign) + "` is not implemented yet");
      return Poison();
    }
    if (contract->sized_type != nullptr) {
      // A size may be computed: `zeros(2 * k)`.
      for (Expression& arg : args) arg = engine::IsInteger(arg.type.dtype) ? Fold(arg) : arg;
    }
    std::vector<Type> types;
    types.reserve(args.size());
    for (const Expression& arg : args) types.push_back(scope_.builder.dims.Resolve(arg.type));
    engine::Result<Type> type = contract->TypeOf(types, ConstantsOf(args));
    if (!type.ok()) {
      // Once more in the author's words, as long as that leaves it wrong.
      const engine::Result<Type> shown = contract->TypeOf(AsWritten(types), ConstantsOf(args));
      const std::string why = (shown.ok() ? type : shown).error().message;
      return BadOperands(*contract, where, types, sign, why);
    }
    return Expression::Call(std::string(function), std::move(args), *std::move(type));
  }

  std::vector<Type> AsWritten(std::vector<Type> types) {
    for (Type& type : types) {
      for (engine::Dim& dim : type.shape) {
        if (!dim.is_size()) dim = engine::Dim::Symbol(scope_.builder.dims.Show(dim));
      }
    }
    return types;
  }

  Expression BadOperands(const ColumnFunctionContract& contract, dsl::SourceRange where,
                         const std::vector<Type>& types, std::string_view sign,
                         const std::string& why) {
    const bool is_of_rows = scope_.catalog.FindAggregate(contract.name) != nullptr;
    if (is_of_rows && types.size() == 1 && types[0].is_scalar()) {
      return Wrong(where, why,
                   contract.signature + "; of the rows of a group: `agg(n = " + contract.name +
                       "(x))` behind `groupby(…)`");
    }
    if (sign.empty() || types.size() != 2) return Wrong(where, why, contract.signature);
    const std::string left = scope_.builder.dims.Show(types[0]);
    const std::string right = scope_.builder.dims.Show(types[1]);
    std::string help;
    if (sign == "+" && types[0].dtype == DataType::kString && types[1].dtype == DataType::kString) {
      help = "strings are joined by `concat(a, b)`";
    }
    if (left != right && types[0].is_scalar() && types[1].is_scalar() &&
        engine::IsNumber(types[0].dtype) && engine::IsNumber(types[1].dtype)) {
      help = "nothing is converted unasked: write `" + left + "(…)` or `" + right + "(…)`";
    }
    const bool is_time = engine::IsTime(types[0].dtype) || engine::IsTime(types[1].dtype);
    if (is_time) help = HelpWithTimes(types[0].dtype, types[1].dtype, why);
    return Wrong(where, "`" + std::string(sign) + "` does not go with " + left + " and " + right,
                 std::move(help));
  }

  static std::string HelpWithTimes(DataType a, DataType b, const std::string& why) {
    if (a == DataType::kString || b == DataType::kString) {
      const DataType time = a == DataType::kString ? b : a;
      return "`" + std::string(NameOf(time)) + "(…)` reads " +
             std::string(engine::TimeExample(time));
    }
    if (engine::IsNumber(a) || engine::IsNumber(b)) {
      return "a number becomes a duration by a unit: `n * 1ms`; `d / 1ms` is the number again";
    }
    return why;
  }

  const ExpressionScope& scope_;
  std::vector<std::string> known_;  // columns that have a value where this is evaluated
};

}  // namespace

engine::Expression CheckExpression(const ast::Expr& expr, const ExpressionScope& scope,
                                   const engine::Type* wanted) {
  return Checker(scope).Check(expr, wanted);
}

void ReportUnknownColumn(std::string_view name, dsl::SourceRange where,
                         const ExpressionScope& scope) {
  dsl::Diagnostic& diagnostic = scope.diagnostics.Add(DiagnosticKind::kUnknownColumn, where,
                                                      "no column `" + std::string(name) + "` here");
  diagnostic.notes.push_back(
      {scope.table.made, scope.table.made_by + " gives " + scope.builder.Show(scope.table)});
  std::vector<std::string> known = scope.table.Names();
  for (const auto& [param, value] : scope.declarations.params) known.push_back(param);
  if (OwnName(NameKind::kConstant, name).empty()) {
    diagnostic.SuggestName(name, known);
  } else {
    SuggestOwn(diagnostic, NameKind::kConstant, name, known);
  }
}

}  // namespace raceway::compiler
