#include "operators/functions/image_normalise.h"

#include <ATen/ops/empty.h>

#include <array>
#include <cstdint>
#include <utility>

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Type;
using engine::Value;
using Channels = std::array<double, 3>;

class Normalise final : public NativeFunction {
 public:
  Normalise(Type type, const Channels& mean, const Channels& std) : type_(std::move(type)) {
    for (size_t c = 0; c < table_.size(); ++c) {
      for (size_t x = 0; x < table_[c].size(); ++x) {
        table_[c][x] = (static_cast<float>(x) / 255.0F - static_cast<float>(mean[c])) /
                       static_cast<float>(std[c]);
      }
    }
  }

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    return MapImages(args[0], num_rows, type_, context,
                     [this](const at::Tensor& images) { return NormaliseAll(images); });
  }

 private:
  /// u8[rows, h, w, 3] → f32[rows, 3, h, w]
  Result<at::Tensor> NormaliseAll(const at::Tensor& images) const {
    const int64_t num_rows = images.size(0);
    const int64_t height = images.size(1);
    const int64_t width = images.size(2);
    at::Tensor result = at::empty({num_rows, 3, height, width}, at::kFloat);
    if (result.numel() == 0) return result;
    const at::Tensor pixels_last = images.stride(3) == 1 && images.stride(2) == 3
                                       ? images
                                       : images.contiguous();  // a crop's lines lie apart
    for (int64_t row = 0; row < num_rows; ++row) {
      float* out = result.mutable_data_ptr<float>() + row * 3 * height * width;
      for (int64_t y = 0; y < height; ++y) {
        const uint8_t* in = pixels_last.const_data_ptr<uint8_t>() + row * pixels_last.stride(0) +
                            y * pixels_last.stride(1);
        NormaliseLine(in, out + y * width, width, height * width);
      }
    }
    return result;
  }

  void NormaliseLine(const uint8_t* in, float* out, int64_t width, int64_t plane) const {
    for (int64_t x = 0; x < width; ++x) {
      out[x] = table_[0][in[3 * x]];
      out[x + plane] = table_[1][in[3 * x + 1]];
      out[x + 2 * plane] = table_[2][in[3 * x + 2]];
    }
  }

  Type type_;
  std::array<std::array<float, 256>, 3> table_;  // a byte has 256 values: nothing to compute
};

/// One number for all channels, or one for each.
Result<Channels> ReadChannels(const FunctionSpec& spec, std::string_view name, double otherwise) {
  const Value* value = spec.settings.Find(name);
  if (value == nullptr) return Channels{otherwise, otherwise, otherwise};
  if (const std::optional<double> one = value->AsNumber()) return Channels{*one, *one, *one};
  const Value::List* list = value->AsList();
  if (list == nullptr || (list->size() != 1 && list->size() != 3)) {
    return Error{ErrorCode::kInvalidArgument,
                 "`" + std::string(name) + "` wants one number or three, one a channel"};
  }
  Channels channels;
  for (size_t c = 0; c < channels.size(); ++c) {
    channels[c] = *(*list)[list->size() == 1 ? 0 : c].AsNumber();
  }
  return channels;
}

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeNormalise(const FunctionSpec& spec) {
  const Result<Channels> mean = ReadChannels(spec, "mean", 0.0);
  if (!mean) return mean.error();
  const Result<Channels> std = ReadChannels(spec, "std", 1.0);
  if (!std) return std.error();
  for (const double one : *std) {
    if (one == 0.0) return Error{ErrorCode::kInvalidArgument, "`std` must not be 0"};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<Normalise>(spec.results[0], *mean, *std));
}

}  // namespace raceway::operators
