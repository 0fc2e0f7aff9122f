#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/data/type.h"

namespace raceway::tools {

/// Random numbers of a type whose dimensions are sizes: integers from 0, others from 0 to 1.
struct RandomInput {
  engine::Type type = {};
  int64_t below = 2;  // of integers
};

/// An array as NumPy saves it.
struct FileInput {
  std::string path;
};

/// What a model is called with in one place.
using ModelInput = std::variant<RandomInput, FileInput, bool, int64_t, double>;

/// What `raceway load` asks of the shared library that holds the engine.
struct LoadRequest {
  enum class Cache { kAsItIs, kCold, kHot };

  std::string model = {};
  bool is_package = false;  // of AOTInductor, as the engine's side finds out
  std::string method = {};
  std::string strategy = {};
  std::vector<ModelInput> inputs = {};
  Cache cache = Cache::kAsItIs;
  std::optional<double> bytes_per_second = {};  // of the disk; else as it is
  int runs = 1;
  bool check = false;
  std::string trace = {};  // where the JSON for Perfetto goes, or empty
  std::string gantt = {};  // where the SVG goes, or empty
  std::string order = {};  // where the order of use goes, or empty
  bool json = false;
};

/// A function of the library. Prints results on standard output, errors on standard error. Returns
/// an exit code of `fail.h`.
using LoadFunction = int(const LoadRequest& request);
constexpr const char kLoadFunction[] = "raceway_load";

}  // namespace raceway::tools
