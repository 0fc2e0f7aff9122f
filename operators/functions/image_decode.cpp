#include "operators/functions/image_decode.h"

#include <array>
#include <cstdio>
#include <utility>

#include "operators/functions/image_codec.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

constexpr std::string_view kJpegMagic = "\xFF\xD8\xFF";

Error NotAnImage(std::string_view bytes) {
  if (bytes.empty()) return {ErrorCode::kFailed, "no image: there are no bytes"};
  if (kPngMagic.starts_with(bytes)) return {ErrorCode::kFailed, "truncated PNG: no header"};
  if (kJpegMagic.starts_with(bytes)) return {ErrorCode::kFailed, "truncated JPEG: no header"};
  std::string start;
  for (const char c : bytes.substr(0, 4)) {
    std::array<char, 4> hex;
    std::snprintf(hex.data(), hex.size(), " %02x", static_cast<unsigned>(c) & 0xFFU);
    start += hex.data();
  }
  return {ErrorCode::kFailed, "neither PNG nor JPEG: it starts with" + start};
}

Result<at::Tensor> Decode(std::string_view bytes) {
  if (bytes.starts_with(kJpegMagic)) return DecodeJpeg(bytes);
  if (bytes.starts_with(kPngMagic)) return DecodePng(bytes);
  return NotAnImage(bytes);
}

class DecodeImage final : public NativeFunction {
 public:
  explicit DecodeImage(engine::Type type) : type_(std::move(type)) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    const engine::TextColumn& bytes = args[0].text();
    Result<Column> images =
        MapRows(num_rows, type_, context, [&](int64_t row) { return Decode(bytes[row]); });
    if (!images) return std::move(images).error();
    return std::vector<Column>{std::move(*images)};
  }

 private:
  engine::Type type_;
};

}  // namespace

engine::Status CheckSize(std::string_view format, int64_t width, int64_t height) {
  if (width > 0 && height > 0 && width <= kMaxPixels / height) return engine::Done{};
  return Error{ErrorCode::kFailed, std::string(format) + " of " + std::to_string(width) + " × " +
                                       std::to_string(height) + " pixels: the limit is " +
                                       std::to_string(kMaxPixels) + " pixels"};
}

Result<std::unique_ptr<NativeFunction>> MakeDecodeImage(const FunctionSpec& spec) {
  return std::unique_ptr<NativeFunction>(std::make_unique<DecodeImage>(spec.results[0]));
}

}  // namespace raceway::operators
