#pragma once

#include <ATen/ops/empty.h>
#include <png.h>
#include <turbojpeg.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/operators/steps.h"

/// Images, and files of them.
namespace raceway::operators::testing {

/// u8[H, W, 3] whose pixels are all different from their neighbours.
inline at::Tensor Pattern(int64_t height, int64_t width) {
  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  uint8_t* out = image.mutable_data_ptr<uint8_t>();
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        *out++ = static_cast<uint8_t>(37 * y + 101 * x + 59 * c + 7 * y * x * (c + 1) + x * x * y);
      }
    }
  }
  return image;
}

struct PngOptions {
  int colour_type = PNG_COLOR_TYPE_RGB;
  int bit_depth = 8;
  bool is_interlaced = false;
};

/// `lines`: the bytes of each line as the format wants them.
inline std::string WritePng(int64_t width, const std::vector<std::vector<uint8_t>>& lines,
                            PngOptions options = {}) {
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
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(lines.size()),
               options.bit_depth, options.colour_type,
               options.is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (options.colour_type == PNG_COLOR_TYPE_PALETTE) {
    const png_color palette[] = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}, {255, 254, 253}};
    const png_byte alpha[] = {0, 128, 255, 255};
    png_set_PLTE(png, info, palette, 4);
    png_set_tRNS(png, info, alpha, 4, nullptr);
  }
  std::vector<png_bytep> rows;
  for (const std::vector<uint8_t>& line : lines) rows.push_back(const_cast<png_bytep>(line.data()));
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

/// Of u8[H, W, 3].
inline std::string WritePng(const at::Tensor& image, bool is_interlaced = false) {
  std::vector<std::vector<uint8_t>> lines;
  for (int64_t y = 0; y < image.size(0); ++y) {
    const at::Tensor line = image.select(0, y).contiguous();
    lines.emplace_back(line.const_data_ptr<uint8_t>(),
                       line.const_data_ptr<uint8_t>() + line.numel());
  }
  return WritePng(image.size(1), lines, {.is_interlaced = is_interlaced});
}

/// Of u8[H, W, 3]. `flags`: e.g. TJFLAG_PROGRESSIVE.
inline std::string WriteJpeg(const at::Tensor& image, int flags = 0, int sampling = TJSAMP_420) {
  const tjhandle handle = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT: turbojpeg's type
  tjCompress2(handle, image.const_data_ptr<uint8_t>(), static_cast<int>(image.size(1)), 0,
              static_cast<int>(image.size(0)), TJPF_RGB, &bytes, &size, sampling, 90, flags);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(handle);
  return file;
}

/// A step that calls a native function of one column.
inline StepSpec Native(const std::string& function, Value::Record settings,
                       const std::string& result_type) {
  StepSpec step;
  step.op = "native";
  step.options = {{"function", function}, {"settings", std::move(settings)}};
  step.arguments = {{"in", "in"}};
  step.results = {{"out", "out"}};
  step.outputs = {*S({{"out", result_type}})};
  return step;
}

/// The first column of what `step` answers.
inline Result<Column> RunOn(const StepSpec& step, const std::string& type, Column column,
                            const std::filesystem::path& base_dir = ".") {
  Result<Batch> out = RunStep(step, MakeBatch(S({{"in", type}}), {std::move(column)}), base_dir);
  if (!out) return std::move(out).error();
  return out->column(0);
}

}  // namespace raceway::operators::testing
