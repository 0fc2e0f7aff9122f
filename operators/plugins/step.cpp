#include "operators/plugins/step.h"

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "operators/native.h"
#include "operators/plugins/function.h"
#include "operators/plugins/library.h"

namespace raceway::operators {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Value;

Result<engine::AnyOperator> MakePlugin(const engine::OperatorSpec& spec) {
  const Value options(spec.step.options);
  std::string texts[3];
  constexpr std::string_view kNames[] = {"library", "sha256", "function"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    const Value* value = options.Find(kNames[i]);
    if (value == nullptr || value->AsString() == nullptr || value->AsString()->empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "plugin wants the option `" + std::string(kNames[i]) + "`"};
    }
    texts[i] = *value->AsString();
  }
  const auto& [library_path, sha256, name] = texts;
  const Result<const PluginLibrary*> library =
      ShareLibrary(spec.base_dir / library_path, library_path, sha256);
  if (!library) return library.error();
  const PluginFunction* function = (*library)->Find(name);
  if (function == nullptr) {
    return Error{ErrorCode::kUnsupported,
                 "no native function `" + name + "` in `" + library_path + "`"};
  }
  const auto make = [function](const FunctionSpec& from) {
    return MakePluginFunction(*function, from);
  };
  return MakeFunctionStep(function->contract, make, spec, Author::kUser);
}

}  // namespace raceway::operators
