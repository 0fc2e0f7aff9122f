#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/compiler/random_meaning.h"

namespace raceway::compiler::testing {

/// Chance. Equal seeds choose the same.
class RandomChoices {
 protected:
  explicit RandomChoices(uint32_t seed) : random_(seed) {}

  size_t Below(size_t n) { return random_() % n; }
  bool Chance(size_t percent) { return Below(100) < percent; }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  Kind AnyKind() { return static_cast<Kind>(Below(5)); }
  /// Few names, so that flows use the same ones for different things.
  std::string AnyName() {
    static const std::vector<std::string> kNames = {"a", "x", "s", "k", "m", "tmp", "`s.x`", "n"};
    return Pick(kNames);
  }
  std::vector<std::string> NamesOf(const Columns& columns) {
    std::vector<std::string> names;
    for (const auto& [name, kind] : columns) names.push_back(name);
    std::shuffle(names.begin(), names.end(), random_);
    return names;
  }

  std::mt19937 random_;
};

}  // namespace raceway::compiler::testing
