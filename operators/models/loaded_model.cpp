#include "operators/models/loaded_model.h"

#include <algorithm>

namespace raceway::operators {

using engine::Error;
using engine::ErrorCode;

engine::Status CheckNumberOfInputs(std::span<const ModelParameter> parameters, size_t num_arguments,
                                   std::string_view method) {
  const auto num_optional = static_cast<size_t>(
      std::count_if(parameters.begin(), parameters.end(),
                    [](const ModelParameter& parameter) { return parameter.has_default; }));
  if (num_arguments <= parameters.size() && num_arguments + num_optional >= parameters.size()) {
    return engine::Done{};
  }
  return Error{ErrorCode::kInvalidArgument,
               "`" + std::string(method) + "` takes " + std::to_string(parameters.size()) +
                   (parameters.size() == 1 ? " input, declared " : " inputs, declared ") +
                   std::to_string(num_arguments)};
}

// TorchScript's messages hold a traceback and, last, the line "RuntimeError: …"; C++'s go on with
// "Exception raised from …".
std::string OneLine(std::string_view what) {
  std::string first;
  std::string error;
  while (!what.empty()) {
    const size_t end = std::min(what.find('\n'), what.size());
    const std::string_view line = what.substr(0, end);
    what.remove_prefix(std::min(end + 1, what.size()));
    if (line.starts_with("Exception raised from")) break;
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) continue;
    if (first.empty()) first = line.substr(start);
    const size_t colon = line.find(": ");
    if (start != 0 || colon == std::string_view::npos) continue;
    const std::string_view kind = line.substr(0, colon);
    if (kind.ends_with("Error") || kind.ends_with("Exception")) {
      error = kind == "RuntimeError" ? line.substr(colon + 2) : line;
    }
  }
  if (error.empty()) error = first;
  return error.empty() ? "unknown error" : error;
}

}  // namespace raceway::operators
