#include "engine/load/crc.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace raceway::engine::load {
namespace {

TEST(CrcTest, IsThatOfZip) {
  const std::string_view text = "123456789";
  EXPECT_EQ(Crc32(std::as_bytes(std::span(text))), 0xcbf43926u);
  EXPECT_EQ(Crc32({}), 0u);
}

TEST(CrcTest, PartsCombineToTheWhole) {
  std::mt19937_64 random(1);
  std::vector<std::byte> bytes(100'000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const std::span<const std::byte> all(bytes);
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{4096}, size_t{99'999}, all.size()}) {
    EXPECT_EQ(Crc32Combine(Crc32(all.first(cut)), Crc32(all.subspan(cut)), all.size() - cut),
              Crc32(all))
        << cut;
  }
}

}  // namespace
}  // namespace raceway::engine::load
