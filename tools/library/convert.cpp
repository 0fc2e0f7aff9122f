#include "tools/library/convert.h"

#include <utility>

namespace raceway::library {
namespace {

ErrorCode FromEngine(engine::ErrorCode code) {
  switch (code) {
    case engine::ErrorCode::kInvalidArgument: return ErrorCode::kInvalidArgument;
    case engine::ErrorCode::kFailed: return ErrorCode::kFailed;
    case engine::ErrorCode::kCancelled: return ErrorCode::kCancelled;
    case engine::ErrorCode::kDeadlineExceeded: return ErrorCode::kDeadlineExceeded;
    case engine::ErrorCode::kTimeout: return ErrorCode::kTimeout;
    case engine::ErrorCode::kDeadlineUnreachable: return ErrorCode::kDeadlineUnreachable;
    case engine::ErrorCode::kOverloaded: return ErrorCode::kOverloaded;
    case engine::ErrorCode::kUnavailable: return ErrorCode::kUnavailable;
    case engine::ErrorCode::kUnsupported: return ErrorCode::kUnsupported;
    case engine::ErrorCode::kInternal: break;
  }
  return ErrorCode::kInternal;
}

DataType FromEngine(engine::DataType type) {
  switch (type) {
    case engine::DataType::kBool: return DataType::kBool;
    case engine::DataType::kI8: return DataType::kI8;
    case engine::DataType::kI16: return DataType::kI16;
    case engine::DataType::kI32: return DataType::kI32;
    case engine::DataType::kI64: return DataType::kI64;
    case engine::DataType::kU8: return DataType::kU8;
    case engine::DataType::kU16: return DataType::kU16;
    case engine::DataType::kU32: return DataType::kU32;
    case engine::DataType::kU64: return DataType::kU64;
    case engine::DataType::kF16: return DataType::kF16;
    case engine::DataType::kBf16: return DataType::kBf16;
    case engine::DataType::kF32: return DataType::kF32;
    case engine::DataType::kF64: return DataType::kF64;
    case engine::DataType::kString: return DataType::kString;
    case engine::DataType::kBytes: return DataType::kBytes;
    case engine::DataType::kTimestamp: return DataType::kTimestamp;
    case engine::DataType::kDuration: return DataType::kDuration;
    case engine::DataType::kUnknown: break;  // no plan that was compiled has it
  }
  return DataType::kBytes;
}

}  // namespace

Error FromEngine(engine::Error error) {
  return {FromEngine(error.code), std::move(error.message), std::move(error.stage), error.row_id};
}

Schema FromEngine(const engine::Schema& schema) {
  Schema fields;
  for (const engine::Field& from : schema.fields()) {
    Field& field = fields.emplace_back();
    field.name = from.name;
    field.dtype = FromEngine(from.type.dtype);
    for (const engine::Dim& dim : from.type.shape) field.shape.push_back(dim.size);
    field.optional = from.type.optional;
    field.type = engine::ToString(from.type);
  }
  return fields;
}

}  // namespace raceway::library
