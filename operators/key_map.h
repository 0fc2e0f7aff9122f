#pragma once

#include <c10/util/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <random>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace raceway::operators {

/// Differs from process to process: keys come from outside, and must not be able to choose their
/// places in a table.
inline uint64_t KeySeed() {
  static const uint64_t seed = std::random_device{}() * 0x9E3779B97F4A7C15U;
  return seed;
}

/// Of keys and of pairs of a group and a key.
struct KeyHash {
  size_t operator()(int64_t key) const {  // the finaliser of SplitMix64
    uint64_t bits = static_cast<uint64_t>(key) ^ seed;
    bits = (bits ^ (bits >> 30U)) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ (bits >> 27U)) * 0x94D049BB133111EBU;
    return bits ^ (bits >> 31U);
  }
  size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  template <typename Key>
  size_t operator()(const std::pair<int64_t, Key>& part) const {
    return (*this)(static_cast<int64_t>((*this)(part.second)) + part.first);
  }

  uint64_t seed = KeySeed();
};

template <typename Key>
struct KeyMapOf {
  using Type = ska::flat_hash_map<Key, int64_t, KeyHash>;
};
/// A flat table grows without bound where many hashes are equal; of texts, one can make such.
template <>
struct KeyMapOf<std::string_view> {
  using Type = std::unordered_map<std::string_view, int64_t, KeyHash>;
};
template <>
struct KeyMapOf<std::pair<int64_t, std::string_view>> {
  using Type = std::unordered_map<std::pair<int64_t, std::string_view>, int64_t, KeyHash>;
};

/// What is known of each key: a number of a row or of a group.
template <typename Key>
using KeyMap = typename KeyMapOf<Key>::Type;

}  // namespace raceway::operators
