#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace raceway::engine::load {

/// SHA-256 of parts one after the other. Parts are told apart: "ab" and "c" are not "a" and "bc".
class Digest {
 public:
  Digest();
  ~Digest();

  void Add(std::string_view part);
  /// Of what was added so far, in 64 hexadecimal digits.
  std::string Text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace raceway::engine::load
