#include "compiler/check/foreign_names.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>

#include "compiler/check/declarations.h"

namespace raceway::compiler {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// In small letters; sources: C, NumPy, PyTorch, ONNX, Triton, SQL.
constexpr Pair kTypes[] = {
    {"int", "i64"},     {"long", "i64"},     {"integer", "i64"}, {"int64", "i64"},
    {"bigint", "i64"},  {"int32", "i32"},    {"int16", "i16"},   {"int8", "i8"},
    {"uint8", "u8"},    {"byte", "u8"},      {"uint16", "u16"},  {"uint32", "u32"},
    {"uint64", "u64"},  {"float", "f32"},    {"float32", "f32"}, {"fp32", "f32"},
    {"real", "f32"},    {"double", "f64"},   {"float64", "f64"}, {"fp64", "f64"},
    {"half", "f16"},    {"float16", "f16"},  {"fp16", "f16"},    {"bfloat16", "bf16"},
    {"str", "string"},  {"text", "string"},  {"utf8", "string"}, {"varchar", "string"},
    {"char", "string"}, {"boolean", "bool"}, {"blob", "bytes"},  {"binary", "bytes"}};

// SQL, Kusto, dplyr, pandas, Spark, Beam, Cloudflow.
constexpr Pair kOperators[] = {
    {"where", "filter"},    {"project", "select"}, {"mutate", "derive"},
    {"assign", "derive"},   {"extend", "derive"},  {"with_column", "derive"},
    {"order_by", "sort"},   {"orderby", "sort"},   {"sort_by", "sort"},
    {"arrange", "sort"},    {"group", "groupby"},  {"group_by", "groupby"},
    {"aggregate", "agg"},   {"summarise", "agg"},  {"summarize", "agg"},
    {"take", "limit"},      {"head", "limit"},     {"top", "limit"},
    {"apply", "map"},       {"flatten", "union"},  {"concat", "union"},
    {"union_all", "union"}, {"unnest", "explode"}, {"flat_map", "explode"},
    {"flatmap", "explode"}, {"merge", "join"},     {"switch", "route"},
    {"exclude", "omit"},    {"discard", "drop"}};

constexpr Pair kFunctions[] = {
    {"avg", "mean"},      {"average", "mean"},    {"length", "len"},     {"size", "len"},
    {"strlen", "len"},    {"lowercase", "lower"}, {"tolower", "lower"},  {"uppercase", "upper"},
    {"toupper", "upper"}, {"maximum", "max"},     {"minimum", "min"},    {"ln", "log"},
    {"ceiling", "ceil"},  {"modulo", "mod"},      {"any_value", "first"}};

constexpr Pair kConstants[] = {{"true", "true"}, {"false", "false"},    {"none", "null"},
                               {"nil", "null"},  {"undefined", "null"}, {"null", "null"}};

constexpr Pair kOnError[] = {{"skip", "drop"},   {"ignore", "drop"}, {"discard", "drop"},
                             {"remove", "drop"}, {"raise", "fail"},  {"throw", "fail"},
                             {"error", "fail"},  {"abort", "fail"},  {"none", "null"},
                             {"nil", "null"},    {"nan", "null"}};

std::span<const Pair> NamesOf(NameKind kind) {
  switch (kind) {
    case NameKind::kType: return kTypes;
    case NameKind::kOperator: return kOperators;
    case NameKind::kFunction: return kFunctions;
    case NameKind::kConstant: return kConstants;
    case NameKind::kOnError: return kOnError;
  }
  return {};
}

}  // namespace

std::string_view OwnName(NameKind kind, std::string_view name) {
  std::string small(name);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [foreign, own] : NamesOf(kind)) {
    if (small == foreign) return own;
  }
  return "";
}

void SuggestOwn(dsl::Diagnostic& diagnostic, NameKind kind, std::string_view name,
                const std::vector<std::string>& known, bool lists) {
  const std::string own(OwnName(kind, name));
  const bool exists = kind == NameKind::kConstant || kind == NameKind::kType ||
                      kind == NameKind::kOnError ||
                      std::find(known.begin(), known.end(), own) != known.end();
  if (!own.empty() && exists) {
    diagnostic.Fix("did you mean `" + own + "`?", own);
  } else if (lists) {
    Suggest(diagnostic, name, known);
  } else {
    diagnostic.SuggestName(name, known);
  }
}

}  // namespace raceway::compiler
