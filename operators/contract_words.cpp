#include "operators/contract_words.h"

#include <algorithm>

namespace raceway::operators {
namespace {

using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;

/// "f32 and i64", with the verb: "this is f32".
std::string TheseAre(Types args) {
  if (args.size() == 1) return "this is " + ToString(args[0]);
  std::string text = "these are ";
  for (size_t i = 0; i < args.size(); ++i) {
    if (i > 0) text += i + 1 == args.size() ? " and " : ", ";
    text += ToString(args[i]);
  }
  return text;
}

}  // namespace

Error Wants(std::string_view name, std::string_view what, Types args) {
  return {ErrorCode::kInvalidArgument,
          "`" + std::string(name) + "` wants " + std::string(what) + ", " + TheseAre(args)};
}

bool AnyOptional(Types args) {
  return std::any_of(args.begin(), args.end(), [](const Type& type) { return type.optional; });
}

bool AllAre(Types args, DataType dtype) {
  return std::all_of(args.begin(), args.end(),
                     [dtype](const Type& type) { return type.is_scalar() && type.dtype == dtype; });
}

Result<engine::Done> CheckArgs(std::string_view name, size_t wanted, Types args) {
  if (args.size() != wanted) {
    return Error{ErrorCode::kInvalidArgument,
                 "`" + std::string(name) + "` wants " + std::to_string(wanted) +
                     (wanted == 1 ? " argument, not " : " arguments, not ") +
                     std::to_string(args.size())};
  }
  if (AnyOptional(args)) return Wants(name, "values that cannot be missing", args);
  return engine::Done{};
}

}  // namespace raceway::operators
