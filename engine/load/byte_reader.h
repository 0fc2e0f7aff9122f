#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace raceway::engine::load {

static_assert(std::endian::native == std::endian::little,
              "archives are little-endian, and so are we");

/// Takes numbers and texts off the front of some bytes. What is not there any more reads as zeros
/// and empty, and `is_short` says so.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename Number>
  Number Take() {
    Number number{};
    const std::string_view bytes = TakeBytes(sizeof number);
    if (!is_short_) std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }

  std::string_view TakeBytes(uint64_t size) {
    if (size > bytes_.size() - position_) {
      is_short_ = true;
      position_ = bytes_.size();
      return {};
    }
    const std::string_view taken = bytes_.substr(position_, size);
    position_ += size;
    return taken;
  }

  /// Up to `end`, which is taken as well but not returned.
  std::string_view TakeUntil(char end) {
    const size_t found = bytes_.find(end, position_);
    if (found == std::string_view::npos) return TakeBytes(bytes_.size() + 1);
    const std::string_view taken = bytes_.substr(position_, found - position_);
    position_ = found + 1;
    return taken;
  }

  size_t position() const { return position_; }
  size_t num_left() const { return bytes_.size() - position_; }
  bool is_short() const { return is_short_; }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
  bool is_short_ = false;
};

}  // namespace raceway::engine::load
