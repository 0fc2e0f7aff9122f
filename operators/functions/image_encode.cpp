#include "operators/functions/image_encode.h"

#include <png.h>

#include <string>

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// u8[H, W, 3], contiguous. libpng's simplified interface: it returns errors instead of jumping.
Result<std::string> EncodePng(const at::Tensor& image) {
  if (image.numel() == 0) return Error{ErrorCode::kFailed, "an image without pixels is no PNG"};
  png_image header = {};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.size(1));
  header.height = static_cast<png_uint_32>(image.size(0));
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string file(size, '\0');
  if (png_image_write_to_memory(&header, file.data(), &size, 0, image.const_data_ptr<uint8_t>(), 0,
                                nullptr) == 0) {
    return Error{ErrorCode::kFailed, std::string("libpng: ") + header.message};
  }
  file.resize(size);
  return file;
}

class EncodePngFiles final : public NativeFunction {
 public:
  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    engine::TextBuilder files(num_rows);
    for (int64_t row = 0; row < num_rows; ++row) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      Result<std::string> file = EncodePng(args[0].Row(row).contiguous());
      if (!file) {
        file.error().row_id = row;
        return std::move(file).error();
      }
      files.Append(*file);
    }
    return std::vector<Column>{std::move(files).Build()};
  }
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeEncodePng(const FunctionSpec& /*spec*/) {
  return std::unique_ptr<NativeFunction>(std::make_unique<EncodePngFiles>());
}

}  // namespace raceway::operators
