#include "tools/raceway/testing/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "compiler/check/declarations.h"
#include "compiler/check/quantities.h"
#include "dsl/print.h"
#include "engine/data/time_text.h"
#include "engine/duration.h"

namespace raceway::tools {
namespace {

using dsl::ast::Expr;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Value;

Error Bad(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

/// The most elements that `zeros` makes.
constexpr int64_t kMaxElements = int64_t{1} << 26;

Value Filled(std::span<const int64_t> sizes) {
  if (sizes.empty()) return Value(int64_t{0});
  return Value(Value::List(static_cast<size_t>(sizes.front()), Filled(sizes.subspan(1))));
}

/// Where the result is below `least` or above `most`, it does not fit.
Result<Integer> Compute(std::string_view sign, Integer a, Integer b, Integer least, Integer most) {
  Integer result = 0;
  bool is_too_large = false;
  if (sign == "+") result = a + b;
  if (sign == "-") result = a - b;
  if (sign == "*") is_too_large = __builtin_mul_overflow(a, b, &result);
  if (sign == "/") {
    if (b == 0) return Bad("a division by 0");
    result = a / b - ((a % b != 0 && (a % b < 0) != (b < 0)) ? 1 : 0);
  }
  if (!is_too_large && result >= least && result <= most) return result;
  return Bad("the result of `" + std::string(sign) + "` does not fit 64 bits");
}

Result<Value> ComputeIntegers(std::string_view sign, Integer a, Integer b) {
  const Result<Integer> result = Compute(sign, a, b, INT64_MIN, Integer{UINT64_MAX});
  if (!result.ok()) return result.error();
  return *result < 0 ? Value(static_cast<int64_t>(*result))
                     : Unsigned(static_cast<uint64_t>(*result));
}

/// Of nanoseconds; `make` is `Duration` or `Timestamp`.
Result<Value> ComputeTime(std::string_view sign, Integer a, Integer b, Value (*make)(int64_t)) {
  const Result<Integer> result = Compute(sign, a, b, INT64_MIN, INT64_MAX);
  if (!result.ok()) return result.error();
  return make(static_cast<int64_t>(*result));
}

std::optional<double> NumberOf(const Value& value) {
  if (const auto integer = IntegerOf(value)) return static_cast<double>(*integer);
  return value.AsNumber();
}

double FloatOf(std::string_view sign, double a, double b) {
  if (sign == "+") return a + b;
  if (sign == "-") return a - b;
  return sign == "*" ? a * b : a / b;
}

bool IsTime(const Value& value) { return IsTimestamp(value) || NanosecondsOf(value) != nullptr; }

/// Exact where it can be, as in flows; of a float, the nearest nanosecond.
Result<Value> TimeArithmetic(std::string_view sign, const Value& a, const Value& b) {
  const int64_t* time = NanosecondsOf(a);
  const int64_t* other_time = NanosecondsOf(b);
  if (IsTimestamp(a) && other_time == nullptr) {
    return ComputeTime(sign, *TimestampOf(a), TimestampOf(b).value_or(0), &Duration);
  }
  if (IsTimestamp(a) || IsTimestamp(b)) {
    const Integer left = time != nullptr ? *time : *TimestampOf(a);
    const Integer right = other_time != nullptr ? *other_time : *TimestampOf(b);
    return ComputeTime(sign, left, right, &Timestamp);
  }
  if (time != nullptr && other_time != nullptr && sign == "/") {
    return Value(static_cast<double>(*time) / static_cast<double>(*other_time));
  }
  const auto whole = [](const int64_t* nanoseconds, const Value& number) {
    return nanoseconds != nullptr ? std::optional(Integer{*nanoseconds}) : IntegerOf(number);
  };
  const std::optional<Integer> left = whole(time, a);
  const std::optional<Integer> right = whole(other_time, b);
  if (left && right) return ComputeTime(sign, *left, *right, &Duration);
  const double exact = FloatOf(sign, left ? static_cast<double>(*left) : NumberOf(a).value_or(NAN),
                               right ? static_cast<double>(*right) : NumberOf(b).value_or(NAN));
  if (!(exact >= -0x1p63 && exact < 0x1p63)) {
    return Bad("the result of `" + std::string(sign) + "` is no time");
  }
  return Duration(static_cast<int64_t>(std::nearbyint(exact)));
}

/// Numbers, lengths of time and tensors of numbers; a number goes with each element of a tensor.
Result<Value> Arithmetic(std::string_view sign, const Value& a, const Value& b) {
  if (a.AsList() != nullptr || b.AsList() != nullptr) {
    const Value::List* left = a.AsList();
    const Value::List* right = b.AsList();
    if (left != nullptr && right != nullptr && left->size() != right->size()) {
      return Bad("`" + std::string(sign) + "` does not go with tensors of " +
                 std::to_string(left->size()) + " and " + std::to_string(right->size()));
    }
    Value::List list;
    const size_t size = (left != nullptr ? left : right)->size();
    list.reserve(size);
    for (size_t i = 0; i < size; ++i) {
      Result<Value> element =
          Arithmetic(sign, left != nullptr ? (*left)[i] : a, right != nullptr ? (*right)[i] : b);
      if (!element.ok()) return element;
      list.push_back(*std::move(element));
    }
    return Value(std::move(list));
  }
  if (a.is_null() || b.is_null()) return Bad("`" + std::string(sign) + "` with a null");
  if (IsTime(a) || IsTime(b)) return TimeArithmetic(sign, a, b);
  if (IntegerOf(a) && IntegerOf(b)) return ComputeIntegers(sign, *IntegerOf(a), *IntegerOf(b));
  return Value(FloatOf(sign, NumberOf(a).value_or(NAN), NumberOf(b).value_or(NAN)));
}

bool IsLess(const Value& a, const Value& b) {
  if (IsTimestamp(a) || IsTimestamp(b)) return TimestampOf(a) < TimestampOf(b);
  if (NanosecondsOf(a) != nullptr) return *NanosecondsOf(a) < *NanosecondsOf(b);
  if (a.AsString() != nullptr) return *a.AsString() < *b.AsString();
  if (IntegerOf(a) && IntegerOf(b)) return *IntegerOf(a) < *IntegerOf(b);
  return NumberOf(a).value_or(NAN) < NumberOf(b).value_or(NAN);
}

/// One expression; what it is made of is checked, so that kinds are as they should be.
class Evaluator {
 public:
  explicit Evaluator(const TestNames& names) : names_(names) {}

  Result<Value> Of(const Expr& expr) const {
    switch (expr.kind) {
      case Expr::Kind::kInt:
      case Expr::Kind::kFloat:
      case Expr::Kind::kString:
      case Expr::Kind::kBool: return Literal(expr);
      case Expr::Kind::kQuantity:
        return Duration(
            engine::DurationFromText(expr.text).value_or(std::chrono::nanoseconds(0)).count());
      case Expr::Kind::kName: return Name(expr.text);
      case Expr::Kind::kMember: return Member(expr);
      case Expr::Kind::kIndex: return Index(expr);
      case Expr::Kind::kCall: return Call(expr);
      case Expr::Kind::kUnary: return Unary(expr);
      case Expr::Kind::kBinary: return Binary(expr);
      case Expr::Kind::kIsNull: return IsNull(expr);
      case Expr::Kind::kIf: return If(expr);
      case Expr::Kind::kList: return List(expr.children);
      case Expr::Kind::kRecord: return Record(expr);
      case Expr::Kind::kNull: return Value();
      case Expr::Kind::kFString: break;
    }
    return Bad("`" + dsl::PrintExpr(expr) + "` cannot be computed in a test");
  }

 private:
  static Result<Value> Literal(const Expr& expr) {
    dsl::Diagnostics ignored;
    const Value constant = compiler::ConstantOf(expr, ignored).value_or(Value());
    const std::optional<uint64_t> large = compiler::UnsignedOf(constant);
    return large ? Unsigned(*large) : constant;
  }

  Result<Value> Name(const std::string& name) const {
    const auto found = names_.values.find(name);
    if (found != names_.values.end()) return found->second;
    const Value why = names_.facts.ErrorOf(name);
    return Bad("there is no `" + name + "`" +
               (why.AsString() != nullptr ? ": " + *why.AsString() : ""));
  }

  Result<Value> Member(const Expr& expr) const {
    Result<Value> row = Of(expr.children.front());
    if (!row.ok()) return row;
    if (const Value* value = row->Find(expr.text)) return *value;
    return Bad("nobody knows `" + dsl::PrintExpr(expr) +
               "`: it comes from a model without a stub (write one, or run with --real)");
  }

  Result<Value> Index(const Expr& expr) const {
    Result<Value> value = Of(expr.children.front());
    for (size_t i = 1; i < expr.children.size(); ++i) {
      if (!value.ok()) return value;
      Result<Value> index = Of(expr.children[i]);
      if (!index.ok()) return index;
      const Value::List* list = value->AsList();
      const int64_t at = index->AsInt() != nullptr ? *index->AsInt() : -1;
      const int64_t size = list != nullptr ? static_cast<int64_t>(list->size()) : 0;
      if (at < 0 || at >= size) {
        return Bad("`" + dsl::PrintExpr(expr.children.front()) + "` has " + std::to_string(size) +
                   (size == 1 ? " element" : " elements") + ", there is no " + std::to_string(at) +
                   " (they count from 0)");
      }
      Value element = (*list)[static_cast<size_t>(at)];
      value = std::move(element);
    }
    return value;
  }

  Result<Value> Call(const Expr& expr) const {
    const std::string& name = expr.children.front().text;
    if (name == "zeros" || name == "one_hot") return Filled(expr, name);
    const Expr& argument = expr.args.front().value.head;
    const std::string text = dsl::PrintExpr(argument);
    if (name == "calls") return Value(names_.facts.Calls(text));
    if (name == "args") return names_.facts.Args(text);
    if (name == "latency") return Duration(names_.facts.Latency(text));
    if (name == "error") return names_.facts.ErrorOf(text);
    Result<Value> value = Of(argument);
    if (!value.ok()) return value;
    if (name == "count") return Value(static_cast<int64_t>(value->AsList()->size()));
    Result<std::string> bytes = names_.facts.File(*value->AsString());
    if (!bytes.ok()) return std::move(bytes).error();
    return Value(*std::move(bytes));
  }

  Result<Value> Filled(const Expr& expr, const std::string& name) const {
    std::vector<int64_t> sizes;
    int64_t count = 1;
    for (const dsl::ast::Arg& arg : expr.args) {
      Result<Value> size = Of(arg.value.head);
      if (!size.ok()) return size;
      sizes.push_back(*size->AsInt());
      if (sizes.back() < 0) return Bad("a size is at least 0");
      if (name == "one_hot" && sizes.size() == 1) continue;
      if (__builtin_mul_overflow(count, sizes.back(), &count) || count > kMaxElements) {
        return Bad("`" + dsl::PrintExpr(expr) + "` is too large");
      }
    }
    if (name == "zeros") return raceway::tools::Filled(sizes);
    if (sizes[0] >= sizes[1]) {
      return Bad("there is no place " + std::to_string(sizes[0]) + " in " +
                 std::to_string(sizes[1]) + " elements");
    }
    Value::List list(static_cast<size_t>(sizes[1]), Value(int64_t{0}));
    list[static_cast<size_t>(sizes[0])] = Value(int64_t{1});
    return Value(std::move(list));
  }

  Result<Value> Unary(const Expr& expr) const {
    Result<Value> value = Of(expr.children.front());
    if (!value.ok() || expr.text == "+") return value;
    if (expr.text == "not") return Value(!*value->AsBool());
    if (value->is_null()) return Bad("`-` with a null");
    if (const int64_t* time = NanosecondsOf(*value)) return ComputeTime("-", 0, *time, &Duration);
    return Arithmetic("*", *value, Value(int64_t{-1}));
  }

  Result<Value> Binary(const Expr& expr) const {
    if (expr.text == "in" || expr.text == "not in") return In(expr);
    Result<Value> a = Of(expr.children[0]);
    if (!a.ok()) return a;
    const bool is_decided = (expr.text == "and" && !*a->AsBool()) ||
                            (expr.text == "or" && *a->AsBool()) ||
                            (expr.text == "??" && !a->is_null());
    if (is_decided) return a;
    Result<Value> b = Of(expr.children[1]);
    if (!b.ok() || expr.text == "and" || expr.text == "or" || expr.text == "??") return b;
    if (expr.text == "==") return Value(AreEqual(*a, *b));
    if (expr.text == "!=") return Value(!AreEqual(*a, *b));
    if (expr.text != "<" && expr.text != ">" && expr.text != "<=" && expr.text != ">=") {
      return Arithmetic(expr.text, *a, *b);
    }
    if (std::optional<Error> error = NotInOrder(expr.children[0], *a, expr.text)) return *error;
    if (std::optional<Error> error = NotInOrder(expr.children[1], *b, expr.text)) return *error;
    if (expr.text == "<") return Value(IsLess(*a, *b));
    if (expr.text == ">") return Value(IsLess(*b, *a));
    return Value(expr.text == "<=" ? !IsLess(*b, *a) : !IsLess(*a, *b));
  }

  /// What is neither below nor above anything: null, and, as in flows, NaN.
  static std::optional<Error> NotInOrder(const Expr& expr, const Value& value,
                                         std::string_view sign) {
    if (value.is_null()) return Bad("`" + std::string(sign) + "` with a null");
    if (value.AsInt() != nullptr || !std::isnan(value.AsNumber().value_or(0))) return std::nullopt;
    return Bad("`" + dsl::PrintExpr(expr) + "` is NaN, which is neither below nor above anything");
  }

  Result<Value> In(const Expr& expr) const {
    const Expr& set = expr.children[1];
    Result<Value> value = Of(expr.children[0]);
    Result<Value> members = List(set.children);
    if (!value.ok()) return value;
    if (!members.ok()) return members;
    const Value::List& list = *members->AsList();
    const bool is_range = set.kind == Expr::Kind::kBinary;
    if (is_range) {
      std::optional<Error> error = NotInOrder(expr.children[0], *value, "in");
      for (size_t i = 0; i < list.size() && !error; ++i) {
        error = NotInOrder(set.children[i], list[i], "in");
      }
      if (error) return *error;
    }
    const bool is_in = is_range ? !IsLess(*value, list[0]) && !IsLess(list[1], *value)
                                : std::any_of(list.begin(), list.end(), [&](const Value& member) {
                                    return AreEqual(*value, member);
                                  });
    return Value(is_in == (expr.text == "in"));
  }

  Result<Value> IsNull(const Expr& expr) const {
    Result<Value> value = Of(expr.children.front());
    if (!value.ok()) return value;
    return Value(value->is_null() == (expr.text == "is null"));
  }

  Result<Value> If(const Expr& expr) const {
    Result<Value> condition = Of(expr.children[0]);
    if (!condition.ok()) return condition;
    return Of(expr.children[*condition->AsBool() ? 1 : 2]);
  }

  Result<Value> List(const std::vector<Expr>& items) const {
    Value::List list;
    for (const Expr& item : items) {
      Result<Value> value = Of(item);
      if (!value.ok()) return value;
      list.push_back(*std::move(value));
    }
    return Value(std::move(list));
  }

  Result<Value> Record(const Expr& expr) const {
    Value::Record record;
    for (size_t i = 0; i < expr.names.size(); ++i) {
      Result<Value> value = Of(expr.children[i]);
      if (!value.ok()) return value;
      record.emplace_back(expr.names[i].text, *std::move(value));
    }
    return Value(std::move(record));
  }

  const TestNames& names_;
};

bool AreEqualRecords(const Value& a, const Value& b) {
  const auto agree = [](const Value& one, const Value& other) {
    return std::all_of(one.AsRecord()->begin(), one.AsRecord()->end(), [&](const auto& column) {
      const Value* same = other.Find(column.first);
      return AreEqual(column.second, same != nullptr ? *same : Value());
    });
  };
  return agree(a, b) && agree(b, a);
}

}  // namespace

Result<Value> Evaluate(const Expr& expr, const TestNames& names) {
  return Evaluator(names).Of(expr);
}

// No column has an empty name, so that no row looks like a length of time.
Value Duration(int64_t nanoseconds) { return Value(Value::Record{{"", Value(nanoseconds)}}); }

const int64_t* NanosecondsOf(const Value& value) {
  const Value* nanoseconds = value.Find("");
  return nanoseconds != nullptr ? nanoseconds->AsInt() : nullptr;
}

Value Timestamp(int64_t nanoseconds) { return Value(Value::Record{{"@", Value(nanoseconds)}}); }

std::optional<int64_t> TimestampOf(const Value& value) {
  if (const Value* nanoseconds = value.Find("@")) return *nanoseconds->AsInt();
  if (value.AsString() == nullptr) return std::nullopt;
  return engine::TimeFromText(*value.AsString(), engine::DataType::kTimestamp);
}

bool IsTimestamp(const Value& value) { return value.Find("@") != nullptr; }

Value Unsigned(uint64_t integer) {
  const auto bits = static_cast<int64_t>(integer);
  return bits >= 0 ? Value(bits) : Value(Value::Record{{"+", Value(bits)}});
}

std::optional<Integer> IntegerOf(const Value& value) {
  if (value.AsInt() != nullptr) return *value.AsInt();
  const Value* bits = value.Find("+");
  if (bits == nullptr) return std::nullopt;
  return static_cast<uint64_t>(*bits->AsInt());
}

bool IsLargeInteger(const Value& value) { return value.Find("+") != nullptr; }

bool AreEqual(const Value& a, const Value& b) {
  if (IsTimestamp(a) || IsTimestamp(b)) return TimestampOf(a) == TimestampOf(b);
  if (IntegerOf(a) && IntegerOf(b)) return *IntegerOf(a) == *IntegerOf(b);
  if (NumberOf(a) && NumberOf(b)) {
    const double x = *NumberOf(a);
    const double y = *NumberOf(b);
    if (std::isinf(x) || std::isinf(y)) return x == y;
    return std::abs(x - y) <= 1e-6 + 1e-5 * std::max(std::abs(x), std::abs(y));
  }
  if (a.AsList() != nullptr && b.AsList() != nullptr) {
    return std::equal(a.AsList()->begin(), a.AsList()->end(), b.AsList()->begin(),
                      b.AsList()->end(), AreEqual);
  }
  if (a.AsRecord() != nullptr && b.AsRecord() != nullptr) return AreEqualRecords(a, b);
  return a == b;
}

}  // namespace raceway::tools
