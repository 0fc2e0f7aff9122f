// `raceway load`: what is said on the command line; the engine's side is runtime/load.cpp.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "engine/result.h"
#include "tools/raceway/command.h"
#include "tools/raceway/engine_library.h"
#include "tools/raceway/files.h"
#include "tools/raceway/load_request.h"

namespace raceway::tools {
namespace {

using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

Error Wrong(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// `f32[1, 3, 224, 224]`, `i64[1, 128]:30522`; nothing where it does not look like that.
std::optional<Result<ModelInput>> ParseRandom(const std::string& text) {
  const size_t colon = text.find(':', std::min(text.find(']'), text.size()));
  const std::optional<engine::Type> type =
      engine::TypeFromString(std::string_view(text).substr(0, colon));
  if (!type) return std::nullopt;
  RandomInput input = {.type = *type};
  if (type->optional || !(engine::IsNumber(type->dtype) || type->dtype == DataType::kBool)) {
    return Wrong("`" + text + "`: tensors are of numbers or bool");
  }
  if (!type->is_fixed()) return Wrong("`" + text + "`: each dimension is a number here");
  if (type->dtype == DataType::kU8) input.below = 256;
  if (colon != std::string::npos) {
    const auto below = ParseNumber<int64_t>(std::string_view(text).substr(colon + 1));
    if (!engine::IsInteger(type->dtype) || !below || *below < 1 ||
        *below - 1 > engine::IntegerRange(type->dtype).second) {
      return Wrong("`" + text + "`: after the colon stands what integers are below, as in " +
                   "i64[1, 128]:30522");
    }
    input.below = *below;
  }
  return ModelInput(std::move(input));
}

Result<ModelInput> ParseInput(const std::string& text) {
  if (text == "true" || text == "false") return ModelInput(text == "true");
  if (const auto number = ParseNumber<int64_t>(text)) return ModelInput(*number);
  if (const auto number = ParseNumber<double>(text)) return ModelInput(*number);
  if (auto random = ParseRandom(text)) return *std::move(random);
  if (text.ends_with(".npy")) return ModelInput(FileInput{text});
  return Wrong("`" + text +
               "` is no input: a shape like f32[1,3,224,224] or i64[1,128]:30522, the name of a "
               ".npy file, a number, true or false");
}

/// "1GB/s", "500 MB/s"; in bytes per second.
std::optional<double> ParseSpeed(std::string_view text) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  if (text.size() < 3 || text.back() != 'B') return std::nullopt;
  const size_t unit = std::string_view("kMG").find(text[text.size() - 2]);
  if (unit == std::string_view::npos) return std::nullopt;
  text.remove_suffix(2);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const std::optional<double> number = ParseNumber<double>(text);
  if (!number || !std::isfinite(*number)) return std::nullopt;
  const double speed = *number * std::pow(1000, static_cast<double>(unit) + 1);
  if (speed < 1e3 || speed > 1e15) return std::nullopt;
  return speed;
}

/// Whether it can be read; said before the engine's library is opened.
int CheckModel(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) {
    return Fail(kMachineLacks, "cannot read `" + path + "`: it is a folder");
  }
  if (std::filesystem::exists(path, failed)) return kFine;
  return Fail(kMachineLacks,
              "cannot read `" + path + "`: " + (failed ? failed.message() : std::strerror(ENOENT)));
}

}  // namespace

int RunLoad(const LoadOptions& options) {
  LoadRequest request = {.model = options.model,
                         .method = options.method,
                         .strategy = options.strategy,
                         .runs = options.runs,
                         .check = options.check,
                         .trace = options.trace,
                         .gantt = options.gantt,
                         .order = options.order,
                         .json = options.json};
  for (const std::string& text : options.in) {
    Result<ModelInput> input = ParseInput(text);
    if (!input.ok()) return Fail(kUsage, "--in " + input.error().message);
    request.inputs.push_back(*std::move(input));
  }
  if (!options.disk.empty()) {
    request.bytes_per_second = ParseSpeed(options.disk);
    if (!request.bytes_per_second) {
      return Fail(kUsage, "--disk `" + options.disk + "` is no speed: 1GB/s, 500MB/s");
    }
  }
  if (options.cold) request.cache = LoadRequest::Cache::kCold;
  if (options.hot) request.cache = LoadRequest::Cache::kHot;
  if (const int checked = CheckModel(options.model); checked != kFine) return checked;
  std::vector<std::filesystem::path> read = {options.model};
  for (const ModelInput& input : request.inputs) {
    if (const auto* file = std::get_if<FileInput>(&input)) read.emplace_back(file->path);
  }
  for (const std::string& output : {options.trace, options.gantt, options.order}) {
    if (output.empty()) continue;
    if (const int checked = MayWrite(output, read); checked != kFine) return checked;
  }
  auto* load = reinterpret_cast<LoadFunction*>(EngineFunction(kLoadFunction));
  return load == nullptr ? kMachineLacks : load(request);
}

}  // namespace raceway::tools
