#pragma once

#include <string>
#include <vector>

namespace raceway::engine::load::testing {

/// Adds the bytes of a number.
template <typename Number>
void Append(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

struct Member {
  std::string name;
  std::string content;
};

/// An archive as simple tools write it: stored, sizes in the local headers.
std::string ZipOf(const std::vector<Member>& members);

}  // namespace raceway::engine::load::testing
