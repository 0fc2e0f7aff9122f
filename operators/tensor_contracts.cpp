// Rules of what takes tensors apart and puts them together. Places count from 0; numbers that are
// known become dimensions.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "operators/contract_words.h"
#include "operators/contracts.h"
#include "operators/time_rules.h"

namespace raceway::operators {
namespace {

using engine::ColumnFunctionContract;
using engine::DataType;
using engine::Dim;
using engine::Error;
using engine::ErrorCode;
using engine::IsNumber;
using engine::Result;
using engine::Type;
using engine::Value;
using Constants = std::span<const Value>;

/// What `zeros` may make of a row: 64 MiB.
constexpr int64_t kMaxElements = int64_t{1} << 24;

Error Wrong(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

/// What has elements that can be looked at one by one.
bool IsTensor(const Type& type) {
  return !type.is_scalar() && (IsNumberOrTime(type.dtype) || type.dtype == DataType::kBool ||
                               type.dtype == DataType::kString);
}

/// "dimension 1 of f32[4] has the places 0 to 3, there is no place 4"
Error NoPlace(const Type& type, size_t dim, int64_t place) {
  const std::string last = std::to_string(type.shape[dim].size - 1);
  return Wrong("dimension " + std::to_string(dim + 1) + " of " + ToString(type) +
               " has the places 0 to " + last + ", there is no place " + std::to_string(place));
}

/// Whether a place that is known lies in a dimension that is known.
bool IsPlaceOf(const Dim& dim, const Value& place) {
  const int64_t* value = place.AsInt();
  return value == nullptr || (*value >= 0 && (!dim.is_size() || *value < dim.size));
}

/// T[A, B, …], i64, … → T[…]: one place for each of the first dimensions.
Result<Type> IndexType(Types args, Constants constants) {
  if (auto checked = CheckArgs("x[…]", args.size(), args); !checked) return checked.error();
  const Type& of = args[0];
  const size_t num_places = args.size() - 1;
  if (!IsTensor(of)) return Wants("x[…]", "a tensor", args.first(1));
  if (!AllAre(args.subspan(1), DataType::kI64)) {
    return Wants("x[…]", "places of type i64", args.subspan(1));
  }
  if (num_places > of.shape.size()) {
    return Wrong(ToString(of) + " has " + std::to_string(of.shape.size()) +
                 (of.shape.size() == 1 ? " dimension" : " dimensions") + ", not " +
                 std::to_string(num_places));
  }
  for (size_t i = 0; i < num_places; ++i) {
    if (IsPlaceOf(of.shape[i], constants[i + 1])) continue;
    const int64_t place = *constants[i + 1].AsInt();
    if (place >= 0 || of.shape[i].is_size()) return NoPlace(of, i, place);
    return Wrong("places count from 0, there is no place " + std::to_string(place));
  }
  return Type{of.dtype, {of.shape.begin() + static_cast<int64_t>(num_places), of.shape.end()}};
}

Result<Type> ShapeType(Types args) {
  if (auto checked = CheckArgs("x.shape", 1, args); !checked) return checked.error();
  if (!IsTensor(args[0])) return Wants("x.shape", "a tensor", args);
  return Type{DataType::kI64, {Dim::Size(static_cast<int64_t>(args[0].shape.size()))}};
}

/// T, T, … → T[n, …]
Result<Type> ListType(Types args) {
  if (auto checked = CheckArgs("[…]", args.size(), args); !checked) return checked.error();
  Type result = args[0];
  const bool is_string = result.dtype == DataType::kString && result.is_scalar();
  if (!IsNumberOrTime(result.dtype) && result.dtype != DataType::kBool && !is_string) {
    return Wants("[…]", "numbers, bools, times, strings or tensors of numbers", args);
  }
  if (std::any_of(args.begin(), args.end(), [&](const Type& arg) { return arg != args[0]; })) {
    return Wants("[…]", "values of one type", args);
  }
  result.shape.insert(result.shape.begin(), Dim::Size(static_cast<int64_t>(args.size())));
  return result;
}

/// T, T[…] → bool
Result<Type> InType(Types args) {
  if (auto checked = CheckArgs("in", 2, args); !checked) return checked.error();
  if (!args[0].is_scalar() || !IsTensor(args[1]) || args[0].dtype != args[1].dtype) {
    return Wants("in", "a value and a tensor of its type", args);
  }
  return Scalar(DataType::kBool);
}

/// A number of elements that is an argument: a dimension of the result.
Result<Dim> SizeOf(std::string_view name, const Type& type, const Value& constant) {
  const int64_t* size = engine::IsInteger(type.dtype) ? constant.AsInt() : nullptr;
  if (size == nullptr) {
    return Wrong("`" + std::string(name) +
                 "` wants a size that is known before it runs: a number or a parameter");
  }
  if (*size >= 1 && *size <= kMaxElements) return Dim::Size(*size);
  return Wrong("`" + std::string(name) + "` wants a size from 1 to " +
               std::to_string(kMaxElements) + ", not " + std::to_string(*size));
}

/// T[…, N], count → i64[…, count]
Result<Type> TopkType(Types args, Constants constants) {
  if (auto checked = CheckArgs("topk", 2, args); !checked) return checked.error();
  if (!IsNumber(args[0].dtype) || args[0].is_scalar()) {
    return Wants("topk", "a tensor of numbers", args.first(1));
  }
  Result<Dim> count = SizeOf("topk", args[1], constants[1]);
  if (!count) return count.error();
  const Dim& among = args[0].shape.back();
  if (among.is_size() && count->size > among.size) {
    return Wrong("`topk` wants at most the " + std::to_string(among.size) +
                 " elements of the last dimension, not " + std::to_string(count->size));
  }
  Type result{DataType::kI64, args[0].shape};
  result.shape.back() = *std::move(count);
  return result;
}

/// T[N, …], i64[K, …] → T[K, …, …]
Result<Type> TakeType(Types args) {
  if (auto checked = CheckArgs("take", 2, args); !checked) return checked.error();
  if (!IsTensor(args[0])) return Wants("take", "a tensor", args.first(1));
  if (args[1].dtype != DataType::kI64 || args[1].is_scalar()) {
    return Wants("take", "a tensor of places, i64[K] (the first k are `slice(x, 0, k)`)",
                 args.subspan(1));
  }
  Type result = args[0];
  result.shape.erase(result.shape.begin());
  result.shape.insert(result.shape.begin(), args[1].shape.begin(), args[1].shape.end());
  return result;
}

/// T[N, …], from, to → T[to - from, …]
Result<Type> SliceType(Types args, Constants constants) {
  if (auto checked = CheckArgs("slice", 3, args); !checked) return checked.error();
  if (!IsTensor(args[0])) return Wants("slice", "a tensor", args.first(1));
  if (!AllAre(args.subspan(1), DataType::kI64)) {
    return Wants("slice", "places of type i64", args.subspan(1));
  }
  Type result = args[0];
  Dim& dim = result.shape.front();
  const int64_t* from = constants[1].AsInt();
  const int64_t* to = constants[2].AsInt();
  const bool is_wrong = (from != nullptr && *from < 0) || (to != nullptr && *to < 0) ||
                        (from != nullptr && to != nullptr && *to <= *from) ||
                        (dim.is_size() && to != nullptr && *to > dim.size);
  if (is_wrong) {
    return Wrong("`slice` wants `from` before `to`, both in dimension 1 of " + ToString(args[0]));
  }
  dim = from != nullptr && to != nullptr ? Dim::Size(*to - *from) : Dim::Symbol("_");
  return result;
}

/// i64[…], size → f32[…, size]
Result<Type> OneHotType(Types args, Constants constants) {
  if (auto checked = CheckArgs("one_hot", 2, args); !checked) return checked.error();
  if (args[0].dtype != DataType::kI64) return Wants("one_hot", "places of type i64", args.first(1));
  Result<Dim> size = SizeOf("one_hot", args[1], constants[1]);
  if (!size) return size.error();
  Type result{DataType::kF32, args[0].shape};
  result.shape.push_back(*std::move(size));
  if (!IsPlaceOf(result.shape.back(), constants[0])) {
    return NoPlace(result, result.shape.size() - 1, *constants[0].AsInt());
  }
  return result;
}

/// size, … → f32[size, …]
Result<Type> ZerosType(Types args, Constants constants) {
  if (auto checked = CheckArgs("zeros", args.size(), args); !checked) return checked.error();
  Type result{DataType::kF32, {}};
  int64_t num_elements = 1;
  for (size_t i = 0; i < args.size(); ++i) {
    Result<Dim> size = SizeOf("zeros", args[i], constants[i]);
    if (!size) return size.error();
    num_elements *= size->size;
    if (num_elements > kMaxElements) {
      return Wrong("`zeros` makes at most " + std::to_string(kMaxElements) + " elements");
    }
    result.shape.push_back(*std::move(size));
  }
  return result;
}

/// string[N] → string
Result<Type> LinesType(Types args) {
  if (auto checked = CheckArgs("lines", 1, args); !checked) return checked.error();
  if (args[0].dtype != DataType::kString || args[0].shape.size() != 1) {
    return Wants("lines", "strings in a row, string[N]", args);
  }
  return Scalar(DataType::kString);
}

bool AreTensorsAlike(Types args) {
  return IsTensor(args[0]) && std::all_of(args.begin(), args.end(), [&](const Type& arg) {
           return arg.dtype == args[0].dtype && arg.shape.size() == args[0].shape.size() &&
                  std::equal(arg.shape.begin() + 1, arg.shape.end(), args[0].shape.begin() + 1);
         });
}

/// string, … → string;  T[N, …], T[M, …], … → T[N + M, …]
Result<Type> ConcatType(Types args) {
  if (args.empty()) return Wrong("`concat` wants strings or tensors");
  if (auto checked = CheckArgs("concat", args.size(), args); !checked) return checked.error();
  if (AllAre(args, DataType::kString)) return Scalar(DataType::kString);
  if (!AreTensorsAlike(args)) {
    return Wants("concat", "strings, or tensors that differ in the first dimension only", args);
  }
  if (args.size() == 1) return args[0];
  Type result = args[0];
  const bool are_sizes = std::all_of(args.begin(), args.end(),
                                     [](const Type& arg) { return arg.shape.front().is_size(); });
  if (!are_sizes) {
    result.shape.front() = Dim::Symbol("_");
    return result;
  }
  for (const Type& arg : args.subspan(1)) result.shape.front().size += arg.shape.front().size;
  return result;
}

ColumnFunctionContract Sized(std::string name, size_t min_args, size_t max_args,
                             Result<Type> (*rule)(Types, Constants), std::string signature,
                             std::string doc) {
  ColumnFunctionContract contract{.name = std::move(name),
                                  .min_args = min_args,
                                  .max_args = max_args,
                                  .signature = std::move(signature),
                                  .doc = std::move(doc)};
  contract.sized_type = rule;
  return contract;
}

void AddSigns(engine::Catalog& catalog) {
  ColumnFunctionContract index =
      Sized("index", 2, 17, &IndexType, "x[place, …] -> T",
            "The element at a place, counted from 0; what fewer places leave open is a tensor.");
  index.is_operator = true;
  catalog.Add(std::move(index));
  catalog.Add(ColumnFunctionContract{"shape", 1, 1, &ShapeType, "x.shape -> i64[rank]",
                                     "The size of each dimension of this row.", true});
  catalog.Add(ColumnFunctionContract{"list", 1, 1024, &ListType, "[T, …] -> T[n, …]",
                                     "A tensor of values of one type.", true});
  catalog.Add(ColumnFunctionContract{"in", 2, 2, &InType, "T in T[…] -> bool",
                                     "Whether one of the elements is equal.", true});
}

}  // namespace

void RegisterTensorContracts(engine::Catalog& catalog) {
  AddSigns(catalog);
  catalog.Add(ColumnFunctionContract{
      "concat", 1, 255, &ConcatType, "concat(string, …) -> string",
      "One after the other; tensors of one type likewise, along their first dimension."});
  catalog.Add(ColumnFunctionContract{"lines", 1, 1, &LinesType, "lines(string[N]) -> string",
                                     "The elements as lines of one text."});
  catalog.Add(Sized("topk", 2, 2, &TopkType, "topk(T[…, N], count) -> i64[…, count]",
                    "The places of the greatest elements, the greatest first, of equal ones the "
                    "first; `take(x, topk(x, 3))` are their values."));
  catalog.Add(ColumnFunctionContract{"take", 2, 2, &TakeType, "take(T[N, …], i64[K]) -> T[K, …]",
                                     "The elements at these places, counted from 0."});
  catalog.Add(Sized("slice", 3, 3, &SliceType, "slice(T[N, …], from, to) -> T[to-from, …]",
                    "The elements from place `from` on, without the one at `to`."));
  catalog.Add(Sized("one_hot", 2, 2, &OneHotType, "one_hot(place, size) -> f32[size]",
                    "1 at that place, 0 elsewhere."));
  catalog.Add(
      Sized("zeros", 1, 16, &ZerosType, "zeros(size, …) -> f32[size, …]", "As many zeros."));
}

}  // namespace raceway::operators
