#include <string>

#include "operators/contract_words.h"
#include "operators/contracts.h"

namespace raceway::operators {
namespace {

using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;

constexpr size_t kMostArgs = 255;

Result<Type> SizeOf(Types args) {
  if (args.size() == 2 && !args[0].is_scalar() && !args[0].optional &&
      !engine::IsText(args[0].dtype) && args[1] == Scalar(DataType::kI64)) {
    return Type{DataType::kI64};
  }
  return Error{ErrorCode::kInvalidArgument, "`size_of` wants a tensor and the number of an axis"};
}

Result<Type> SameSize(Types args) {
  bool fits = args.size() >= 3 && args.size() % 2 == 1 && args[0] == Scalar(DataType::kI64) &&
              args[1] == Scalar(DataType::kI64) && args[2] == Scalar(DataType::kString);
  for (size_t i = 3; fits && i < args.size(); i += 2) {
    const Type& column = args[i + 1];
    fits = args[i] == Scalar(DataType::kString) && !column.is_scalar() && !column.optional &&
           !engine::IsText(column.dtype);
  }
  if (fits) return Type{DataType::kBool};
  return Error{ErrorCode::kInvalidArgument,
               "`same_size` wants two numbers, a reason, and tensors with their names"};
}

}  // namespace

void RegisterSizeContracts(engine::Catalog& catalog) {
  // As operators they are written by the compiler, not by flows.
  catalog.Add(engine::ColumnFunctionContract{"size_of", 2, 2, &SizeOf, "size_of(T[…], i64) -> i64",
                                             "How long that dimension is.", true});
  catalog.Add(engine::ColumnFunctionContract{
      "same_size", 3, kMostArgs, &SameSize, "same_size(i64, i64, string, …) -> bool",
      "True, or an error of the row whose sizes differ.", true});
}

}  // namespace raceway::operators
