#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace raceway::engine::load {

/// One value of a pickle. Values refer to one another by their index, and one may be there in
/// several places.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kTuple,
    kList,
    kDict,       // items: key, value, key, value …
    kGlobal,     // text: "collections OrderedDict"
    kObject,     // items: its class, then its state if it has one
    kCall,       // items: what is called, a tuple of arguments
    kReference,  // items: what it refers to: a storage
  };
  Kind kind = Kind::kNone;
  int64_t number = 0;  // kInt, kBool
  std::string text;    // kText, kGlobal
  std::vector<uint32_t> items;
};

/// What a pickle builds. Nothing is ever called, made or imported: calls are values like others.
struct Pickle {
  std::vector<PickleValue> values;
  uint32_t root = 0;

  const PickleValue& operator[](uint32_t i) const { return values[i]; }
};

/// Reads what LibTorch's pickler writes; memory is in proportion to `bytes`.
///
/// Limits   2^24 values
/// Errors   Unsupported for more, or an instruction that it never writes, InvalidArgument for bytes
/// that
///          are no pickle; both say at which byte
Result<Pickle> ReadPickle(std::string_view bytes);

}  // namespace raceway::engine::load
