#pragma once

#include <rocksdb/options.h>

namespace raceway::engine {

/// How a folder of rows is opened for reading. Nothing is written into it.
rocksdb::Options ReadingOptions();

/// How one is filled: rows in any order, each once; sorted when all are there.
rocksdb::Options LoadingOptions();

}  // namespace raceway::engine
