#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/functions/image_codec.h"
#include "tests/operators/images.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// What a PNG of that size begins with: enough to refuse it.
std::string PngHeader(uint32_t width, uint32_t height) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp target, png_bytep bytes, size_t count) {
        static_cast<std::string*>(png_get_io_ptr(target))
            ->append(reinterpret_cast<const char*>(bytes), count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_destroy_write_struct(&png, &info);
  return file + std::string("\0\0\0\0IDAT\x35\xAF\x06\x1E", 12);  // libpng reads up to here
}

Result<Column> DecodeAll(const std::vector<std::string>& files) {
  return RunOn(Native("image.decode", {}, "u8[H, W, 3]"), "bytes", Texts(files));
}
/// The image, or why not.
std::string Outcome(const std::string& file) {
  const Result<Column> image = DecodeAll({file});
  return image.ok() ? "image" : image.error().message;
}
at::Tensor Decoded(const std::string& file) {
  const Result<Column> image = DecodeAll({file});
  EXPECT_TRUE(image.ok()) << image.error().message;
  return image.ok() ? image->Row(0) : at::empty({0}, at::kByte);
}

TEST(DecodePngTest, ReadsWhatWasWritten) {
  const at::Tensor image = Pattern(13, 9);
  EXPECT_TRUE(at::equal(Decoded(WritePng(image)), image));
  EXPECT_TRUE(at::equal(Decoded(WritePng(image, /*is_interlaced=*/true)), image));
}

TEST(DecodePngTest, GreyIsReplicated) {
  EXPECT_EQ(Text(Decoded(WritePng(2, {{7, 200}}, {.colour_type = PNG_COLOR_TYPE_GRAY}))),
            "[[[7, 7, 7], [200, 200, 200]]]");
  EXPECT_EQ(Text(Decoded(WritePng(8, {{0b10100000}},
                                  {.colour_type = PNG_COLOR_TYPE_GRAY, .bit_depth = 1}))
                     .narrow(0, 0, 1)
                     .select(2, 1)),
            "[[255, 0, 255, 0, 0, 0, 0, 0]]");
}

TEST(DecodePngTest, AlphaIsDropped) {
  EXPECT_EQ(Text(Decoded(WritePng(2, {{1, 2, 3, 0, 4, 5, 6, 9}},
                                  {.colour_type = PNG_COLOR_TYPE_RGB_ALPHA}))),
            "[[[1, 2, 3], [4, 5, 6]]]");
  EXPECT_EQ(Text(Decoded(WritePng(2, {{1, 0, 4, 9}}, {.colour_type = PNG_COLOR_TYPE_GRAY_ALPHA}))),
            "[[[1, 1, 1], [4, 4, 4]]]");
  EXPECT_EQ(Text(Decoded(WritePng(4, {{0b00011011}},
                                  {.colour_type = PNG_COLOR_TYPE_PALETTE, .bit_depth = 2}))),
            "[[[10, 20, 30], [40, 50, 60], [70, 80, 90], [255, 254, 253]]]");
}

TEST(DecodePngTest, OfSixteenBitsTheUpperHalfIsKept) {
  EXPECT_EQ(Text(Decoded(WritePng(1, {{1, 255, 2, 0, 3, 128}}, {.bit_depth = 16}))),
            "[[[1, 2, 3]]]");
  EXPECT_EQ(Text(Decoded(
                WritePng(1, {{200, 255}}, {.colour_type = PNG_COLOR_TYPE_GRAY, .bit_depth = 16}))),
            "[[[200, 200, 200]]]");
}

TEST(DecodePngTest, NoTruncatedFileIsAnImage) {
  for (const bool is_interlaced : {false, true}) {
    const std::string file = WritePng(Pattern(24, 31), is_interlaced);
    ASSERT_EQ(Outcome(file), "image");
    EXPECT_EQ(Outcome(file + "more"), "image");
    for (size_t size = 1; size < file.size(); ++size) {
      ASSERT_THAT(Outcome(file.substr(0, size)), StartsWith("truncated PNG: ")) << size;
    }
  }
}

TEST(DecodePngTest, AnyByteMayBeWrong) {
  const std::string file = WritePng(Pattern(10, 7));
  int num_errors = 0;
  for (size_t at = 0; at < file.size(); ++at) {
    for (const char flip : {'\x01', '\xFF'}) {
      std::string broken = file;
      broken[at] = static_cast<char>(broken[at] ^ flip);
      if (Outcome(broken) != "image") ++num_errors;
    }
  }
  EXPECT_GT(num_errors, static_cast<int>(file.size()));  // checksums see most of them
  std::string broken = file;
  broken[file.size() / 2] = static_cast<char>(broken[file.size() / 2] ^ 0x10);
  EXPECT_THAT(Outcome(broken), StartsWith("corrupt PNG: "));
}

TEST(DecodeJpegTest, ReadsWhatWasWritten) {
  const at::Tensor image = at::empty({16, 24, 3}, at::kByte).fill_(90);
  const at::Tensor decoded = Decoded(WriteJpeg(image));
  ASSERT_EQ(decoded.sizes(), image.sizes());
  EXPECT_LE(decoded.to(at::kInt).sub(image.to(at::kInt)).abs().max().item<int>(), 1);
}

TEST(DecodeJpegTest, GreyIsReplicated) {
  const at::Tensor decoded = Decoded(WriteJpeg(Pattern(8, 8), 0, TJSAMP_GRAY));
  EXPECT_EQ(decoded.size(2), 3);
  EXPECT_TRUE(at::equal(decoded.select(2, 0), decoded.select(2, 2)));
}

TEST(DecodeJpegTest, NoTruncatedFileIsAnImage) {
  for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
    const std::string file = WriteJpeg(Pattern(40, 33), flags);
    ASSERT_EQ(Outcome(file), "image");
    EXPECT_EQ(Outcome(file + "more"), "image");
    for (size_t size = 1; size < file.size(); ++size) {
      ASSERT_THAT(Outcome(file.substr(0, size)), HasSubstr("JPEG: ")) << size;
    }
    EXPECT_THAT(Outcome(file.substr(0, file.size() / 2)), StartsWith("truncated JPEG: "));
    EXPECT_THAT(Outcome(file.substr(0, file.size() - 2)), StartsWith("truncated JPEG: "));
    EXPECT_THAT(Outcome(file.substr(0, 100)), StartsWith("truncated JPEG: "));
  }
}

TEST(DecodeJpegTest, AnyByteMayBeWrong) {
  const std::string file = WriteJpeg(Pattern(20, 20));
  for (size_t at = 0; at < file.size(); ++at) {
    for (const char flip : {'\x01', '\xFF'}) {
      std::string broken = file;
      broken[at] = static_cast<char>(broken[at] ^ flip);
      EXPECT_FALSE(Outcome(broken).empty());  // an image or an error, never a crash
    }
  }
}

TEST(DecodeTest, RefusesHugeImagesByTheirHeader) {
  EXPECT_EQ(Outcome(PngHeader(30'000, 30'000)),
            "PNG of 30000 × 30000 pixels: the limit is 178956970 pixels");
  EXPECT_THAT(Outcome(PngHeader(30, 30)), StartsWith("truncated PNG: "));
  EXPECT_FALSE(CheckSize("PNG", 900'000, 900'000).ok());
  EXPECT_TRUE(CheckSize("PNG", 13'377, 13'377).ok());
  EXPECT_EQ(CheckSize("PNG", 20'000, 20'000).error().message,
            "PNG of 20000 × 20000 pixels: the limit is 178956970 pixels");
  EXPECT_FALSE(CheckSize("PNG", 0, 5).ok());

  std::string jpeg = WriteJpeg(Pattern(8, 8));
  const size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  for (size_t i = 5; i < 9; ++i) jpeg[frame + i] = '\x80';
  EXPECT_EQ(Outcome(jpeg), "JPEG of 32896 × 32896 pixels: the limit is 178956970 pixels");
}

TEST(DecodeTest, SaysWhatIsNoImage) {
  EXPECT_EQ(Outcome(""), "no image: there are no bytes");
  EXPECT_EQ(Outcome("GIF89a…"), "neither PNG nor JPEG: it starts with 47 49 46 38");
  EXPECT_EQ(Outcome("\x89PN"), "truncated PNG: no header");
}

TEST(DecodeTest, AnErrorNamesItsRow) {
  const Result<Column> images = DecodeAll({WritePng(Pattern(2, 2)), "no"});
  EXPECT_EQ(Text(images), "failed: row 2: neither PNG nor JPEG: it starts with 6e 6f");
}

TEST(DecodeTest, ImagesMayDifferInSize) {
  const Result<Column> images = DecodeAll({WritePng(Pattern(2, 3)), WriteJpeg(Pattern(5, 4))});
  ASSERT_TRUE(images.ok());
  EXPECT_EQ(images->Row(0).sizes(), (std::vector<int64_t>{2, 3, 3}));
  EXPECT_EQ(images->Row(1).sizes(), (std::vector<int64_t>{5, 4, 3}));
}

TEST(DecodeTest, TheResultMustBeAsDeclared) {
  const StepSpec step = Native("image.decode", {}, "u8[4, 4, 3]");
  EXPECT_EQ(Text(RunOn(step, "bytes", Texts({WritePng(Pattern(4, 5))}))),
            "failed: image.decode: result `out` is u8[4, 5, 3], declared u8[4, 4, 3]");
}

}  // namespace
}  // namespace raceway::operators
