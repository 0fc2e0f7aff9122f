#include "compiler/plan/infix.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace raceway::compiler {
namespace {

using engine::Expression;

/// How tightly an expression holds together; a looser one inside of a tighter one gets brackets.
enum Level { kIf, kOr, kAnd, kNot, kCoalesce, kIsNull, kCompare, kSum, kProduct, kSign, kAtom };

struct Sign {
  std::string_view function;
  std::string_view sign;
  Level level;
};

constexpr auto kSigns = std::to_array<Sign>({{"or", "or", kOr},
                                             {"and", "and", kAnd},
                                             {"coalesce", "??", kCoalesce},
                                             {"eq", "==", kCompare},
                                             {"ne", "!=", kCompare},
                                             {"lt", "<", kCompare},
                                             {"le", "<=", kCompare},
                                             {"gt", ">", kCompare},
                                             {"ge", ">=", kCompare},
                                             {"in", "in", kCompare},
                                             {"add", "+", kSum},
                                             {"sub", "-", kSum},
                                             {"mul", "*", kProduct},
                                             {"div", "/", kProduct}});

const Sign* SignOf(const Expression& expression) {
  if (expression.kind != Expression::Kind::kCall || expression.args.size() != 2) return nullptr;
  const auto* const found = std::find_if(kSigns.begin(), kSigns.end(), [&](const Sign& sign) {
    return sign.function == expression.name;
  });
  return found == kSigns.end() ? nullptr : found;
}

bool IsCall(const Expression& expression, std::string_view function, size_t num_args) {
  return expression.kind == Expression::Kind::kCall && expression.name == function &&
         expression.args.size() == num_args;
}

/// A change between `T` and `T?`, which nobody wrote.
bool IsUnwritten(const Expression& expression) {
  return IsCall(expression, "value", 1) || IsCall(expression, "optional", 1);
}

bool IsNotNull(const Expression& expression) {
  return IsCall(expression, "not", 1) && IsCall(expression.args[0], "is_null", 1);
}

Level LevelOf(const Expression& expression) {
  if (IsUnwritten(expression)) return LevelOf(expression.args[0]);
  if (IsNotNull(expression) || IsCall(expression, "is_null", 1)) return kIsNull;
  if (const Sign* sign = SignOf(expression)) return sign->level;
  if (IsCall(expression, "if", 3)) return kIf;
  if (IsCall(expression, "not", 1)) return kNot;
  if (IsCall(expression, "neg", 1)) return kSign;
  return kAtom;
}

std::string Inside(const Expression& expression, Level least) {
  const std::string text = Infix(expression);
  return LevelOf(expression) < least ? "(" + text + ")" : text;
}

std::string Listed(std::span<const Expression> args) {
  std::string text;
  for (const Expression& arg : args) text += (text.empty() ? "" : ", ") + Infix(arg);
  return text;
}

Level Above(Level level) { return static_cast<Level>(level + 1); }

}  // namespace

std::string Infix(const Expression& expression) {
  if (expression.kind != Expression::Kind::kCall) return ToString(expression);
  const std::vector<Expression>& args = expression.args;
  if (const Sign* sign = SignOf(expression)) {
    // `a - b - c` is read from the left, `a or b or c` is the same from both sides; comparisons do
    // not chain.
    const Level left = sign->level == kCompare ? kSum : sign->level;
    const bool is_logic = sign->level == kOr || sign->level == kAnd;
    return Inside(args[0], left) + " " + std::string(sign->sign) + " " +
           Inside(args[1], is_logic ? sign->level : Above(sign->level));
  }
  if (IsUnwritten(expression)) return Infix(args[0]);
  if (IsNotNull(expression)) return Inside(args[0].args[0], kIsNull) + " is not null";
  if (IsCall(expression, "is_null", 1)) return Inside(args[0], kIsNull) + " is null";
  if (IsCall(expression, "not", 1)) return "not " + Inside(args[0], kNot);
  if (IsCall(expression, "neg", 1)) return "-" + Inside(args[0], kAtom);
  if (IsCall(expression, "if", 3)) {
    return "if " + Inside(args[0], kOr) + " then " + Inside(args[1], kOr) + " else " +
           Inside(args[2], kIf);
  }
  if (IsSizeCheck(expression)) return Infix(args[0]) + " == " + Infix(args[1]);
  if (IsCall(expression, "size_of", 2)) {
    return Inside(args[0], kAtom) + ".shape[" + Infix(args[1]) + "]";
  }
  if (IsCall(expression, "shape", 1)) return Inside(args[0], kAtom) + ".shape";
  if (expression.name == "list") return "[" + Listed(args) + "]";
  if (expression.name == "index") {
    return Inside(args[0], kAtom) + "[" + Listed(std::span(args).subspan(1)) + "]";
  }
  return expression.name + "(" + Listed(args) + ")";
}

bool IsSizeCheck(const Expression& expression) {
  return expression.kind == Expression::Kind::kCall && expression.name == "same_size" &&
         expression.args.size() >= 3;
}

}  // namespace raceway::compiler
