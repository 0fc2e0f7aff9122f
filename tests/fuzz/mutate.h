#pragma once

#include <random>
#include <string>

namespace raceway::fuzz {

/// `text` with one to eight changes: bytes, words of the language, ranges doubled, moved and left
/// out, a part of `other` taken over. At most `kMaxBytes` long.
std::string Mutate(std::string text, const std::string& other, std::mt19937_64& random);

inline constexpr size_t kMaxBytes = 6000;

}  // namespace raceway::fuzz
