#include <ATen/ops/empty.h>
#include <turbojpeg.h>

#include <memory>
#include <string>

#include "operators/functions/image_codec.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Destroy>;

/// turbojpeg says "premature end" both of a file and of a segment.
bool IsTruncation(std::string_view message) {
  return message.find("remature end") != std::string_view::npos ||
         message.find("input file is empty") != std::string_view::npos;
}

Error ErrorOf(const Handle& handle) {
  const std::string message = tjGetErrorStr2(handle.get());
  return {ErrorCode::kFailed,
          (IsTruncation(message) ? "truncated JPEG: " : "corrupt JPEG: ") + message};
}

/// Whether the only complaint is about stray bytes, which cameras leave and nobody misses.
bool IsHarmless(const Handle& handle) {
  return tjGetErrorCode(handle.get()) == TJERR_WARNING &&
         std::string_view(tjGetErrorStr2(handle.get())).find("extraneous bytes") !=
             std::string_view::npos;
}

}  // namespace

Result<at::Tensor> DecodeJpeg(std::string_view bytes) {
  const Handle handle(tjInitDecompress());
  if (handle == nullptr) return Error{ErrorCode::kInternal, "turbojpeg does not start"};
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(handle.get(), data, bytes.size(), &width, &height, &sampling, &colours) !=
          0 &&
      !IsHarmless(handle)) {
    return ErrorOf(handle);
  }
  if (width == 0) return Error{ErrorCode::kFailed, "truncated JPEG: there is no image in it"};
  if (auto checked = CheckSize("JPEG", width, height); !checked) return checked.error();
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
    return Error{ErrorCode::kFailed, "a CMYK JPEG cannot be decoded to RGB"};
  }

  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  const auto decode = [&](int flags) {
    return tjDecompress2(handle.get(), data, bytes.size(), image.mutable_data_ptr<uint8_t>(), width,
                         width * 3, height, TJPF_RGB, flags | TJFLAG_LIMITSCANS) == 0;
  };
  if (decode(TJFLAG_STOPONWARNING)) return image;
  if (!IsHarmless(handle)) return ErrorOf(handle);
  // Once more, past the stray bytes: the last warning is kept, and a file's end comes last.
  if (decode(0) || IsHarmless(handle)) return image;
  return ErrorOf(handle);
}

}  // namespace raceway::operators
