// Column functions of values that may be missing. All others refuse them.
#include <string>
#include <utility>

#include "operators/contracts.h"

namespace raceway::operators {
namespace {

using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using Types = std::span<const Type>;

Error Bad(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

Result<Type> IsNull(Types args) {
  if (args.size() != 1 || args[0].is_unknown()) return Bad("`is null` asks about one value");
  if (!args[0].optional) return Bad(ToString(args[0]) + " is never null");
  return Type{DataType::kBool, {}, false};
}

/// T?, T → T and T?, T? → T?
Result<Type> Coalesce(Types args) {
  if (args.size() != 2) return Bad("`??` has two sides");
  if (!args[0].optional) return Bad(ToString(args[0]) + " is never null");
  Type type = args[0];
  type.optional = args[1].optional;
  if (type == args[1]) return type;
  return Bad("`??` wants " + ToString(args[0]) + " and a value of that type, these are " +
             ToString(args[0]) + " and " + ToString(args[1]));
}

Result<Type> Value(Types args) {
  if (args.size() != 1 || !args[0].optional) return Bad("`value` is of something that may be null");
  Type type = args[0];
  type.optional = false;
  return type;
}

Result<Type> Optional(Types args) {
  if (args.size() != 1 || args[0].is_unknown() || args[0].optional) {
    return Bad("`optional` is of something that is never null");
  }
  Type type = args[0];
  type.optional = true;
  return type;
}

}  // namespace

void RegisterNullContracts(engine::Catalog& catalog) {
  const auto add = [&](std::string name, size_t num_args, Result<Type> (*rule)(Types),
                       std::string signature, std::string doc) {
    catalog.Add(engine::ColumnFunctionContract{std::move(name), num_args, num_args, rule,
                                               std::move(signature), std::move(doc), true});
  };
  add("is_null", 1, &IsNull, "T? is null -> bool", "Whether there is no value.");
  add("coalesce", 2, &Coalesce, "T? ?? T -> T",
      "The value, or the right side where there is none.");
  // The checker writes these two, nobody else.
  add("value", 1, &Value, "value(T?) -> T",
      "The value, where the flow made sure that there is one.");
  add("optional", 1, &Optional, "optional(T) -> T?", "The value, as one that may be missing.");
}

}  // namespace raceway::operators
