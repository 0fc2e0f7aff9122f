#include "operators/column_functions.h"

#include <array>

#include "operators/columns/arithmetic.h"
#include "operators/columns/cast.h"
#include "operators/columns/comparison.h"
#include "operators/columns/making.h"
#include "operators/columns/nulls.h"
#include "operators/columns/places.h"
#include "operators/columns/reduction.h"
#include "operators/columns/sizes.h"
#include "operators/columns/text.h"
#include "operators/columns/text_tensors.h"

namespace raceway::operators {
namespace {

constexpr auto kFunctions = std::to_array<ColumnFunction>({
    {"add", &Add},        {"sub", &Sub},
    {"mul", &Mul},        {"div", &Div},
    {"neg", &Neg},        {"eq", &Eq},
    {"ne", &Ne},          {"lt", &Lt, true},
    {"le", &Le, true},    {"gt", &Gt, true},
    {"ge", &Ge, true},    {"and", &And},
    {"or", &Or},          {"not", &Not},
    {"if", &If},          {"mod", &Mod},
    {"abs", &Abs},        {"round", &Round},
    {"floor", &Floor},    {"ceil", &Ceil},
    {"exp", &Exp},        {"log", &Log},
    {"sqrt", &Sqrt},      {"softmax", &Softmax},
    {"argmax", &Argmax},  {"max", &Max},
    {"min", &Min},        {"sum", &Sum},
    {"mean", &Mean},      {"len", &Len},
    {"lower", &Lower},    {"upper", &Upper},
    {"concat", &Concat},  {"bool", &Cast},
    {"i8", &Cast},        {"i16", &Cast},
    {"i32", &Cast},       {"i64", &Cast},
    {"u8", &Cast},        {"u16", &Cast},
    {"u32", &Cast},       {"u64", &Cast},
    {"f16", &Cast},       {"bf16", &Cast},
    {"f32", &Cast},       {"f64", &Cast},
    {"string", &Cast},    {"bytes", &Cast},
    {"timestamp", &Cast}, {"duration", &Cast},
    {"index", &Index},    {"shape", &Shape},
    {"list", &List},      {"in", &In},
    {"topk", &Topk},      {"take", &Take},
    {"slice", &Slice},    {"lines", &Lines},
    {"one_hot", &OneHot}, {"zeros", &Zeros},
    {"is_null", &IsNull}, {"coalesce", &Coalesce},
    {"value", &ValueOf},  {"optional", &AsOptional},
    {"size_of", &SizeOf}, {"same_size", &SameSize},
});

}  // namespace

std::span<const ColumnFunction> ColumnFunctions() { return kFunctions; }

const ColumnFunction* FindColumnFunction(std::string_view name) {
  for (const ColumnFunction& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace raceway::operators
