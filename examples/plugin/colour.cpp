// Functions of your own for flows: images row by row, numbers a batch at a time, texts.
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mean.h>
#include <raceway/plugin.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace plugin = raceway::plugin;

namespace {

/// Each pixel becomes the mean of those at most `radius` away that are in the image, rounded down.
at::Tensor Blur(const at::Tensor& px, int64_t radius) {
  const at::Tensor from = px.contiguous();
  at::Tensor to = at::empty_like(from);
  const int64_t height = from.size(0);
  const int64_t width = from.size(1);
  const uint8_t* in = from.const_data_ptr<uint8_t>();
  uint8_t* out = to.mutable_data_ptr<uint8_t>();
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      int64_t sums[3] = {};
      int64_t count = 0;
      for (int64_t v = std::max<int64_t>(y - radius, 0); v <= std::min(y + radius, height - 1);
           ++v) {
        for (int64_t u = std::max<int64_t>(x - radius, 0); u <= std::min(x + radius, width - 1);
             ++u) {
          for (int64_t c = 0; c < 3; ++c) sums[c] += in[(v * width + u) * 3 + c];
          ++count;
        }
      }
      for (int64_t c = 0; c < 3; ++c) {
        out[(y * width + x) * 3 + c] = static_cast<uint8_t>(sums[c] / count);
      }
    }
  }
  return to;
}

}  // namespace

RACEWAY_PLUGIN(library) {
  // With a setting: what is returned is called row by row.
  library.Add("blur(px: u8[H, W, 3]) -> (px: u8[H, W, 3])")
      .Doc("Each pixel becomes the mean of those around it.")
      .With({.name = "radius",
             .kind = plugin::Kind::kInt,
             .doc = "In pixels.",
             .required = true,
             .least = 1,
             .greatest = 50})
      .Rows([](const plugin::Settings& settings) -> plugin::RowFunction {
        const int64_t radius = settings.Int("radius");
        return [radius](plugin::Row row, const plugin::Context&) -> plugin::NewRow {
          return {Blur(row[0].tensor(), radius)};
        };
      });

  // Whole columns at a time, where LibTorch is quick: u8[rows, H, W, 3] → f32[rows].
  library.Add("brightness(px: u8[H, W, 3]) -> (light: f32)")
      .Doc("The mean of an image, from 0, which is black, to 255.")
      .Batches([](std::span<const plugin::Column> in,
                  const plugin::Context& context) -> std::vector<plugin::NewColumn> {
        if (in[0].is_dense()) return {at::mean(in[0].dense(), {1, 2, 3}, false, at::kFloat)};
        std::vector<at::Tensor> means;  // images of different sizes
        for (int64_t row = 0; row < context.num_rows(); ++row) {
          means.push_back(at::mean(in[0].tensor(row), at::kFloat));
        }
        return {std::move(means)};
      });

  // Texts; what is thrown is an error of that row's request, and of no other.
  library.Add("initials(name: string) -> (short: string)")
      .Doc("The first letter of each word.")
      .Rows([](plugin::Row row, const plugin::Context&) -> plugin::NewRow {
        std::string letters;
        bool at_start = true;
        for (const char c : row[0].text()) {
          if (at_start && c != ' ') letters += c;
          at_start = c == ' ';
        }
        if (letters.empty()) throw std::invalid_argument("a name without letters");
        return {letters};
      });
}
