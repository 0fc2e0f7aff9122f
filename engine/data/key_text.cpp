#include "engine/data/key_text.h"

#include "engine/data/time_text.h"

namespace raceway::engine {

std::string KeyText(const Column& keys, const Type& type, int64_t row) {
  if (keys.is_text()) return "\"" + std::string(keys.text()[row]) + "\"";
  const at::Tensor key = keys.Row(row);
  if (IsTime(type.dtype)) return TimeText(key.item<int64_t>(), type.dtype);
  if (type.dtype == DataType::kBool) return key.item<bool>() ? "true" : "false";
  if (type.dtype == DataType::kU64) return std::to_string(key.item().toUInt64());
  return std::to_string(key.item<int64_t>());
}

}  // namespace raceway::engine
