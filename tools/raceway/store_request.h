#pragma once

#include <string>

#include "engine/data/schema.h"

namespace raceway::tools {

/// What `raceway store` asks of the shared library that holds the engine.
struct StoreRequest {
  enum class Kind { kLoad, kGet, kStats };

  Kind kind = Kind::kStats;
  std::string folder;
  engine::Schema schema;  // kLoad: the key first
  std::string rows;       // kLoad: a JSON lines file, "-" for standard input
  std::string key;        // kGet, as a row would have it, without quotes
  bool json = false;
};

/// A function of the library. Prints results on standard output, errors on standard error. Returns
/// an exit code of `fail.h`.
using StoreFunction = int(const StoreRequest& request);
constexpr const char kStoreFunction[] = "raceway_store";

}  // namespace raceway::tools
