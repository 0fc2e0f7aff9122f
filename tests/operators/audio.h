#pragma once

#include <cstring>
#include <string>
#include <string_view>

/// Files of sounds.
namespace raceway::operators::testing {

template <typename Number>
std::string LittleEndian(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

struct WavOptions {
  uint16_t code = 1;
  uint16_t num_channels = 1;
  uint32_t rate = 16'000;
  uint16_t bits = 16;
};

/// A chunk, with the byte that makes it even.
inline std::string Chunk(std::string_view name, std::string_view body) {
  std::string chunk(name);
  chunk += LittleEndian(static_cast<uint32_t>(body.size()));
  chunk += body;
  if (body.size() % 2 == 1) chunk += '\0';
  return chunk;
}

inline std::string WavFormat(WavOptions o = {}) {
  const auto frame = static_cast<uint16_t>(o.num_channels * o.bits / 8);
  return LittleEndian(o.code) + LittleEndian(o.num_channels) + LittleEndian(o.rate) +
         LittleEndian(o.rate * frame) + LittleEndian(frame) + LittleEndian(o.bits);
}

inline std::string WavOf(const std::string& chunks) { return Chunk("RIFF", "WAVE" + chunks); }

/// `data`: the samples as the format wants them.
inline std::string WriteWav(std::string_view data, WavOptions options = {}) {
  return WavOf(Chunk("fmt ", WavFormat(options)) + Chunk("data", data));
}

}  // namespace raceway::operators::testing
