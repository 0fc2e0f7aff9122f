#include <string>
#include <string_view>
#include <utility>

#include "operators/contracts.h"
#include "operators/time_rules.h"

namespace raceway::operators {
namespace {

using engine::AggregateContract;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;

Error Wants(std::string_view name, std::string_view what, const Type& of) {
  return {ErrorCode::kInvalidArgument,
          "`" + std::string(name) + "` wants " + std::string(what) + ", this is " + ToString(of)};
}

bool IsScalarNumber(const Type& type) { return type.is_scalar() && engine::IsNumber(type.dtype); }

Result<Type> Count(const Type& /*of*/) { return Type{DataType::kI64, {}, false}; }

Result<Type> Sum(const Type& of) {
  const bool is_duration = of.is_scalar() && of.dtype == DataType::kDuration;
  if ((!IsScalarNumber(of) && !is_duration) || of.optional) {
    return Wants("sum", "numbers or durations", of);
  }
  return of;
}

Result<Type> Mean(const Type& of) {
  if (!of.is_scalar() || !engine::IsFloat(of.dtype) || of.optional) {
    return Wants("mean", "floats", of);
  }
  return of;
}

bool HasOrder(const Type& of) {
  return of.is_scalar() && !of.optional &&
         (IsNumberOrTime(of.dtype) || of.dtype == DataType::kString);
}

Result<Type> Min(const Type& of) {
  if (!HasOrder(of)) return Wants("min", "numbers, times or strings", of);
  return of;
}

Result<Type> Max(const Type& of) {
  if (!HasOrder(of)) return Wants("max", "numbers, times or strings", of);
  return of;
}

Result<Type> First(const Type& of) { return of; }

Result<Type> Any(const Type& of) {
  if (of != Type{DataType::kBool, {}, false}) return Wants("any", "bools", of);
  return of;
}

Result<Type> Topk(const Type& of) {
  if (!IsScalarNumber(of) || of.optional) return Wants("topk", "numbers", of);
  return Type{of.dtype, {engine::Dim::Symbol("_")}, false};
}

/// Tensors of one size: the rows of a batch then lie in one.
Result<Type> Collect(const Type& of) {
  if (!of.is_fixed() || engine::IsText(of.dtype) || of.optional) {
    return Wants("collect", "numbers, bools, times or tensors of one size of them", of);
  }
  Type all = of;
  all.shape.insert(all.shape.begin(), engine::Dim::Symbol("_"));
  return all;
}

}  // namespace

void RegisterAggregateContracts(engine::Catalog& catalog) {
  const auto add = [&](AggregateContract contract) { catalog.Add(std::move(contract)); };
  add({"count", 0, &Count, "count() -> i64", "The number of rows."});
  add({"sum", 1, &Sum, "sum(T) -> T", "The sum, in its own type."});
  add({"min", 1, &Min, "min(T) -> T", "The smallest; strings compare by code point."});
  add({"max", 1, &Max, "max(T) -> T", "The greatest; strings compare by code point."});
  add({"mean", 1, &Mean, "mean(T) -> T", "The mean, of floats."});
  add({"first", 1, &First, "first(T) -> T", "The value of the group's first row."});
  add({"any", 1, &Any, "any(bool) -> bool", "Whether it is true in one of the rows."});
  add({"topk", 2, &Topk, "topk(T, count) -> T[_]",
       "The greatest values, the greatest first; fewer where the group has fewer rows."});
  add({"collect", 1, &Collect, "collect(T[…]) -> T[_, …]",
       "All values in the order of the rows, as one tensor; what `explode` takes apart."});
}

}  // namespace raceway::operators
