#include <ATen/ops/empty.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <string>

#include "operators/functions/image_codec.h"

// libpng reports errors by longjmp, which skips destructors: between setjmp and the last call
// nothing with a destructor may come to life. So the work is done in plain functions on `Reader`,
// and what owns memory stays with the caller.

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const char* next = nullptr;
  size_t num_left = 0;
  bool is_truncated = false;
  std::array<char, 128> message = {};

  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void OnError(png_structp png, png_const_charp message) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader->message.data(), message, reader->message.size() - 1);
  png_longjmp(png, 1);
}

void OnWarning(png_structp /*png*/, png_const_charp /*message*/) {}

void OnRead(png_structp png, png_bytep out, size_t count) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (count > reader->num_left) {
    reader->is_truncated = true;
    png_error(png, "it ends in the middle");
  }
  std::memcpy(out, reader->next, count);
  reader->next += count;
  reader->num_left -= count;
}

bool ReadHeader(Reader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, &OnRead);
  png_read_info(reader.png, reader.info);
  return true;
}

/// Asks for 8-bit RGB; returns whether that is what libpng will write.
bool AskForRgb(Reader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_expand(reader.png);  // palettes, 1 to 4 bits, transparent colours
  png_set_strip_16(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return png_get_rowbytes(reader.png, reader.info) ==
         size_t{3} * png_get_image_width(reader.png, reader.info);
}

bool ReadPixels(Reader& reader, uint8_t* pixels) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  const size_t row_bytes = png_get_rowbytes(reader.png, reader.info);
  const png_uint_32 height = png_get_image_height(reader.png, reader.info);
  const bool is_interlaced = png_get_interlace_type(reader.png, reader.info) == PNG_INTERLACE_ADAM7;
  for (int pass = 0; pass < (is_interlaced ? 7 : 1); ++pass) {
    for (png_uint_32 row = 0; row < height; ++row) {
      png_read_row(reader.png, pixels + row * row_bytes, nullptr);
    }
  }
  png_read_end(reader.png, nullptr);  // the end is part of a complete file
  return true;
}

Error ErrorOf(const Reader& reader) {
  return {ErrorCode::kFailed,
          std::string(reader.is_truncated ? "truncated PNG: " : "corrupt PNG: ") +
              reader.message.data()};
}

}  // namespace

Result<at::Tensor> DecodePng(std::string_view bytes) {
  Reader reader;
  reader.next = bytes.data();
  reader.num_left = bytes.size();
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, &OnError, &OnWarning);
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return Error{ErrorCode::kInternal, "libpng does not start"};

  if (!ReadHeader(reader)) return ErrorOf(reader);
  const int64_t width = png_get_image_width(reader.png, reader.info);
  const int64_t height = png_get_image_height(reader.png, reader.info);
  if (auto checked = CheckSize("PNG", width, height); !checked) return checked.error();
  if (!AskForRgb(reader)) return ErrorOf(reader);
  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  if (!ReadPixels(reader, image.mutable_data_ptr<uint8_t>())) return ErrorOf(reader);
  return image;
}

}  // namespace raceway::operators
