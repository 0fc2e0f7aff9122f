#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "operators/contract_words.h"
#include "operators/contracts.h"
#include "operators/time_rules.h"

// Each rule is a plain function of the arguments' types. What it answers is a sentence about the
// arguments that starts with the function as the user wrote it: "`+` wants two numbers of one type,
// these are f32 and i64".

namespace raceway::operators {
namespace {

using engine::ColumnFunctionContract;
using engine::DataType;
using engine::IsFloat;
using engine::IsInteger;
using engine::IsNumber;
using engine::Result;
using engine::Type;
using Rule = Result<Type> (*)(Types);

/// A name that can be a template argument, so that a rule knows what it is the rule of.
template <size_t N>
struct Name {
  char text[N] = {};
  constexpr Name(const char (&literal)[N]) { std::copy_n(literal, N, text); }  // NOLINT: implicit
  constexpr operator std::string_view() const { return {text, N - 1}; }        // NOLINT: implicit
};

bool IsSigned(DataType dtype) {
  return IsFloat(dtype) || (dtype >= DataType::kI8 && dtype <= DataType::kI64);
}

/// T, T → T, where one side may be a scalar.
template <Name kName>
Result<Type> Arithmetic(Types args) {
  if (auto checked = CheckArgs(kName, 2, args); !checked) return checked.error();
  if (engine::IsTime(args[0].dtype) || engine::IsTime(args[1].dtype)) {
    return TimeArithmetic(kName, args);
  }
  if (!IsNumber(args[0].dtype) || args[0].dtype != args[1].dtype) {
    return Wants(kName, "two numbers of one type", args);
  }
  if (args[0].is_scalar()) return args[1];
  if (args[1].is_scalar() || args[0].shape == args[1].shape) return args[0];
  return Wants(kName, "two tensors of one shape, or a tensor and a scalar", args);
}

template <Name kName>
Result<Type> Negation(Types args) {
  if (auto checked = CheckArgs(kName, 1, args); !checked) return checked.error();
  if (!IsSigned(args[0].dtype) && args[0].dtype != DataType::kDuration) {
    return Wants(kName, "a number with a sign or a duration", args);
  }
  return args[0];
}

template <Name kName>
Result<Type> Equality(Types args) {
  if (auto checked = CheckArgs(kName, 2, args); !checked) return checked.error();
  const DataType dtype = args[0].dtype;
  const bool comparable =
      IsNumberOrTime(dtype) || dtype == DataType::kBool || dtype == DataType::kString;
  if (!comparable || !AllAre(args, dtype)) {
    return Wants(kName, "two numbers, times, bools or strings of one type", args);
  }
  return Scalar(DataType::kBool);
}

template <Name kName>
Result<Type> Ordering(Types args) {
  if (auto checked = CheckArgs(kName, 2, args); !checked) return checked.error();
  const DataType dtype = args[0].dtype;
  if ((!IsNumberOrTime(dtype) && dtype != DataType::kString) || !AllAre(args, dtype)) {
    return Wants(kName, "two numbers, times or strings of one type", args);
  }
  return Scalar(DataType::kBool);
}

template <Name kName, size_t kArity>
Result<Type> Logic(Types args) {
  if (auto checked = CheckArgs(kName, kArity, args); !checked) return checked.error();
  if (!AllAre(args, DataType::kBool))
    return Wants(kName, kArity == 1 ? "a bool" : "two bools", args);
  return Scalar(DataType::kBool);
}

Result<Type> If(Types args) {
  if (args.size() != 3) return CheckArgs("if", 3, args).error();
  if (auto checked = CheckArgs("if", 1, args.first(1)); !checked) return checked.error();
  if (!AllAre(args.first(1), DataType::kBool)) {
    return Wants("if", "a bool as its condition", args.first(1));
  }
  if (args[1] != args[2]) return Wants("if", "the same type on both branches", args.subspan(1));
  return args[1];
}

template <DataType kTo>
Result<Type> Cast(Types args) {
  const std::string_view name = NameOf(kTo);
  if (auto checked = CheckArgs(name, 1, args); !checked) return checked.error();
  const Type& from = args[0];
  const bool is_plain = IsNumber(from.dtype) || from.dtype == DataType::kBool;
  if (engine::IsTime(kTo)) {
    const bool can = from.dtype == kTo || (from.dtype == DataType::kString && from.is_scalar());
    if (can) return Type{kTo, from.shape};
    return Wants(name,
                 kTo == DataType::kDuration ? "a string such as \"900ms\""
                                            : "a string such as \"2026-11-28T21:17:50Z\"",
                 args);
  }
  if (engine::IsText(kTo)) {
    const bool has_text = is_plain || engine::IsTime(from.dtype);
    const bool can =
        from.is_scalar() && (engine::IsText(from.dtype) || (kTo == DataType::kString && has_text));
    if (can) return Scalar(kTo);
    return Wants(name, kTo == DataType::kString ? "a scalar" : "a string", args);
  }
  if (is_plain) return Type{kTo, from.shape, false};
  if (from.dtype == DataType::kString && from.is_scalar()) return Scalar(kTo);
  return Wants(name, "numbers, bools or a string", args);
}

template <Name kName>
Result<Type> FloatTensor(Types args) {
  if (auto checked = CheckArgs(kName, 1, args); !checked) return checked.error();
  if (!IsFloat(args[0].dtype) || args[0].is_scalar())
    return Wants(kName, "a tensor of floats", args);
  return args[0];
}

/// T[…, N] → T[…]
template <Name kName>
Result<Type> Reduction(Types args) {
  if (auto checked = CheckArgs(kName, 1, args); !checked) return checked.error();
  const DataType dtype = args[0].dtype;
  const bool has_sum = dtype != DataType::kTimestamp || std::string_view(kName) != "sum";
  if (!IsNumberOrTime(dtype) || !has_sum || args[0].is_scalar()) {
    return Wants(kName, "a tensor of numbers", args);
  }
  Type result = args[0];
  result.shape.pop_back();
  return result;
}

Result<Type> Mean(Types args) {
  if (auto checked = FloatTensor<"mean">(args); !checked) return checked;
  return Reduction<"mean">(args);
}

Result<Type> Argmax(Types args) {
  Result<Type> result = Reduction<"argmax">(args);
  if (result) result->dtype = DataType::kI64;
  return result;
}

Result<Type> Abs(Types args) {
  if (auto checked = CheckArgs("abs", 1, args); !checked) return checked.error();
  if (!IsNumber(args[0].dtype) && args[0].dtype != DataType::kDuration) {
    return Wants("abs", "numbers or durations", args);
  }
  return args[0];
}

template <Name kName>
Result<Type> Floats(Types args) {
  if (auto checked = CheckArgs(kName, 1, args); !checked) return checked.error();
  if (!IsFloat(args[0].dtype)) return Wants(kName, "floats", args);
  return args[0];
}

template <Name kName, DataType kResult>
Result<Type> OfString(Types args) {
  if (auto checked = CheckArgs(kName, 1, args); !checked) return checked.error();
  if (!AllAre(args, DataType::kString)) return Wants(kName, "a string", args);
  return Scalar(kResult);
}

ColumnFunctionContract Operator(std::string name, size_t num_args, Rule rule, std::string signature,
                                std::string doc) {
  return {std::move(name), num_args, num_args, rule, std::move(signature), std::move(doc), true};
}

ColumnFunctionContract Function(std::string name, Rule rule, std::string signature,
                                std::string doc) {
  return {std::move(name), 1, 1, rule, std::move(signature), std::move(doc), false};
}

void AddOperators(engine::Catalog& catalog) {
  const std::string one_side = " The shapes are equal, or one side is a scalar.";
  const std::string no_nan = "; NaN is an error.";
  catalog.Add(Operator("add", 2, &Arithmetic<"+">, "T + T -> T", "The sum." + one_side));
  catalog.Add(Operator("sub", 2, &Arithmetic<"-">, "T - T -> T", "The difference." + one_side));
  catalog.Add(Operator("mul", 2, &Arithmetic<"*">, "T * T -> T", "The product." + one_side));
  catalog.Add(Operator(
      "div", 2, &Arithmetic<"/">, "T / T -> T",
      "The quotient; of integers rounded down, an error where the divisor is 0." + one_side));
  catalog.Add(Operator("neg", 1, &Negation<"-">, "-T -> T", "The number with the other sign."));
  catalog.Add(Operator("eq", 2, &Equality<"==">, "T == T -> bool",
                       "Whether both are equal; NaN equals nothing."));
  catalog.Add(Operator("ne", 2, &Equality<"!=">, "T != T -> bool", "Whether they differ."));
  catalog.Add(Operator("lt", 2, &Ordering<"<">, "T < T -> bool",
                       "Whether the left one is smaller; strings compare by code point" + no_nan));
  catalog.Add(Operator("le", 2, &Ordering<"<=">, "T <= T -> bool", "Not greater" + no_nan));
  catalog.Add(
      Operator("gt", 2, &Ordering<">">, "T > T -> bool", "Whether the left is greater" + no_nan));
  catalog.Add(Operator("ge", 2, &Ordering<">=">, "T >= T -> bool", "Not smaller" + no_nan));
  catalog.Add(Operator("and", 2, &Logic<"and", 2>, "bool and bool -> bool",
                       "Whether both are true; the right one matters only where the left is."));
  catalog.Add(Operator("or", 2, &Logic<"or", 2>, "bool or bool -> bool",
                       "Whether one is true; the right one matters only where the left is not."));
  catalog.Add(Operator("not", 1, &Logic<"not", 1>, "not bool -> bool", "The opposite."));
  catalog.Add(Operator("if", 3, &If, "if bool then T else T -> T",
                       "The first branch where the condition is true, else the second."));
}

template <DataType kTo>
void AddCast(engine::Catalog& catalog) {
  const std::string name(NameOf(kTo));
  std::string doc;
  if (kTo == DataType::kString) {
    doc = "As text; bytes must be UTF-8.";
  } else if (kTo == DataType::kBytes) {
    doc = "The bytes of a string.";
  } else if (kTo == DataType::kBool) {
    doc = "False for 0, true for other numbers; of a string, \"true\" or \"false\".";
  } else if (engine::IsTime(kTo)) {
    doc = "Of a string, " + std::string(engine::TimeExample(kTo)) + ".";
  } else if (IsInteger(kTo)) {
    doc = "As " + name + ", cut towards 0; an error where the value does not fit.";
  } else {
    doc = "As the nearest " + name + ".";
  }
  std::string signature = name + "(T[…]) -> " + name + "[…]";
  if (engine::IsText(kTo)) signature = name + "(x) -> " + name;
  if (engine::IsTime(kTo)) signature = name + "(string) -> " + name;
  catalog.Add(Function(name, &Cast<kTo>, signature, doc));
}

template <DataType... kTo>
void AddCasts(engine::Catalog& catalog) {
  (AddCast<kTo>(catalog), ...);
}

void AddNumeric(engine::Catalog& catalog) {
  catalog.Add(ColumnFunctionContract{
      "mod", 2, 2, &Arithmetic<"mod">, "mod(T, T) -> T",
      "What is left of a division rounded down: it has the sign of the divisor."});
  catalog.Add(Function("abs", &Abs, "abs(T[…]) -> T[…]", "Without the sign."));
  catalog.Add(Function("round", &Floats<"round">, "round(T[…]) -> T[…]",
                       "The nearest whole number, halves to the even one."));
  catalog.Add(Function("floor", &Floats<"floor">, "floor(T[…]) -> T[…]", "Rounded down."));
  catalog.Add(Function("ceil", &Floats<"ceil">, "ceil(T[…]) -> T[…]", "Rounded up."));
  catalog.Add(Function("exp", &Floats<"exp">, "exp(T[…]) -> T[…]", "e to that power."));
  catalog.Add(Function("log", &Floats<"log">, "log(T[…]) -> T[…]", "The natural logarithm."));
  catalog.Add(Function("sqrt", &Floats<"sqrt">, "sqrt(T[…]) -> T[…]", "The square root."));
}

void AddReductions(engine::Catalog& catalog) {
  catalog.Add(Function("softmax", &FloatTensor<"softmax">, "softmax(T[…, N]) -> T[…, N]",
                       "Shares of the last dimension that add up to 1."));
  catalog.Add(Function("argmax", &Argmax, "argmax(T[…, N]) -> i64[…]",
                       "Where the last dimension is greatest, the first such place."));
  catalog.Add(Function("max", &Reduction<"max">, "max(T[…, N]) -> T[…]",
                       "The greatest of the last dimension."));
  catalog.Add(Function("min", &Reduction<"min">, "min(T[…, N]) -> T[…]",
                       "The smallest of the last dimension."));
  catalog.Add(Function("sum", &Reduction<"sum">, "sum(T[…, N]) -> T[…]",
                       "The sum of the last dimension, in its own type."));
  catalog.Add(Function("mean", &Mean, "mean(T[…, N]) -> T[…]",
                       "The mean of the last dimension, of floats."));
}

void AddText(engine::Catalog& catalog) {
  catalog.Add(Function("len", &OfString<"len", DataType::kI64>, "len(string) -> i64",
                       "The number of code points."));
  catalog.Add(Function("lower", &OfString<"lower", DataType::kString>, "lower(string) -> string",
                       "With a–z for A–Z; other letters stay as they are."));
  catalog.Add(Function("upper", &OfString<"upper", DataType::kString>, "upper(string) -> string",
                       "With A–Z for a–z; other letters stay as they are."));
}

}  // namespace

void RegisterColumnFunctionContracts(engine::Catalog& catalog) {
  AddOperators(catalog);
  AddNumeric(catalog);
  AddReductions(catalog);
  AddText(catalog);
  RegisterNullContracts(catalog);
  RegisterTensorContracts(catalog);
  using enum DataType;
  AddCasts<kBool, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kF16, kBf16, kF32, kF64, kString,
           kBytes, kTimestamp, kDuration>(catalog);
  RegisterSizeContracts(catalog);
}

}  // namespace raceway::operators
