#include "engine/data/key_type.h"

#include "engine/data/time_text.h"

namespace raceway::engine {

bool CanBeKey(const Type& type) {
  return type.is_scalar() && !type.optional &&
         (IsInteger(type.dtype) || IsTime(type.dtype) || IsText(type.dtype) ||
          type.dtype == DataType::kBool);
}

}  // namespace raceway::engine
