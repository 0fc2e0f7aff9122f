#pragma once

#include <string_view>

#include "engine/data/time_text.h"
#include "operators/contract_words.h"

/// What times go with. A difference of timestamps is a duration; durations are added, multiplied
/// by numbers and divided, by each other too. Nothing else is known of them.
namespace raceway::operators {

/// `sign` of two values of which one is a time, also elementwise.
engine::Result<engine::Type> TimeArithmetic(std::string_view sign, Types args);

/// What is smaller and greater: numbers and times.
inline bool IsNumberOrTime(engine::DataType dtype) {
  return engine::IsNumber(dtype) || engine::IsTime(dtype);
}

}  // namespace raceway::operators
