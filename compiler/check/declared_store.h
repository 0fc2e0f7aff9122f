#pragma once

#include <string>

#include "engine/data/schema.h"

namespace raceway::compiler {

/// A store as a flow file declares it: for those who fill it.
struct DeclaredStore {
  std::string name;
  std::string kind;       // "rocksdb"
  std::string source;     // relative to the flow's folder
  engine::Schema schema;  // the key, then what a row gives
};

}  // namespace raceway::compiler
