#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdint>
#include <string_view>

#include "engine/result.h"

namespace raceway::operators {

/// What Pillow refuses as a decompression bomb too. Larger images are refused by their header,
/// before memory is taken.
inline constexpr int64_t kMaxPixels = 178'956'970;

/// The bytes every PNG starts with.
inline constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";

/// u8[H, W, 3], RGB. Grey is replicated, alpha dropped, 16 bits become 8 by their upper half; no
/// gamma or colour profile is applied, nor the orientation a camera noted.
///
/// Errors   Failed, in one line: "truncated PNG: …", "corrupt PNG: …"
engine::Result<at::Tensor> DecodePng(std::string_view bytes);

/// The same of a JPEG. What other programs show in spite of a warning is an error here, but for
/// stray bytes between markers.
engine::Result<at::Tensor> DecodeJpeg(std::string_view bytes);

/// Whether an image of that size may be decoded.
engine::Status CheckSize(std::string_view format, int64_t width, int64_t height);

}  // namespace raceway::operators
