#include "operators/row_errors.h"

namespace raceway::operators {

using engine::Error;
using engine::ErrorCode;

Error WithRowId(Error error, const engine::Batch& batch) {
  if (error.row_id >= 0) error.row_id = batch.RowId(error.row_id);
  return error;
}

Error StopError(ErrorCode code) {
  const bool is_late = code == ErrorCode::kDeadlineExceeded;
  return {code, is_late ? "the deadline has passed" : "the request was cancelled"};
}

}  // namespace raceway::operators
