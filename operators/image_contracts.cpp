#include <algorithm>
#include <string>

#include "operators/native_contracts.h"

namespace raceway::operators {
namespace {

using engine::Dim;
using engine::FunctionContract;
using engine::Type;
using Kind = engine::SettingContract::Kind;

Type Image(const char* height, const char* width) {
  return {engine::DataType::kU8, {Dim::Symbol(height), Dim::Symbol(width), Dim::Size(3)}};
}

Type Boxes() { return {engine::DataType::kF32, {Dim::Symbol("N"), Dim::Size(4)}}; }

std::string Byte(const engine::Value& value) {
  return *value.AsInt() >= 0 && *value.AsInt() <= 255 ? "" : "must be 0 to 255";
}

std::string Factor(const engine::Value& value) {
  return *value.AsNumber() > 0 && *value.AsNumber() <= 0.99 ? "" : "must be above 0, at most 0.99";
}

/// One number for all channels, or one for each.
std::string OneOrThree(const engine::Value& value) {
  const engine::Value::List* list = value.AsList();
  return list == nullptr || list->size() == 3 ? "" : "must be one number or three";
}

std::string OneOrThreeNotZero(const engine::Value& value) {
  const engine::Value::List* list = value.AsList();
  const auto is_zero = [](const engine::Value& v) { return *v.AsNumber() == 0; };
  if (list == nullptr ? is_zero(value) : std::any_of(list->begin(), list->end(), is_zero)) {
    return "must not be 0: it divides";
  }
  return OneOrThree(value);
}

FunctionContract Decode() {
  return {.name = "image.decode",
          .params = {{"image", Scalar(engine::DataType::kBytes)}},
          .results = {{"px", Image("H", "W")}},
          .settings = {},
          .doc =
              "Decodes a PNG or JPEG, known by its content, to RGB; grey is replicated, alpha "
              "dropped, 16 bits become 8. At most 178 megapixels."};
}

engine::SettingContract Filter(const std::string& otherwise) {
  return {"filter",
          Kind::kString,
          false,
          {"bilinear", "bicubic", "area"},
          "How pixels are weighed, " + otherwise + " by default.",
          nullptr};
}

FunctionContract Resize() {
  return {.name = "image.resize",
          .params = {{"px", Image("H", "W")}},
          .results = {{"px", Image("h", "w")}},
          .settings = {{"shorter",
                        Kind::kInt,
                        false,
                        {},
                        "Length of the shorter side, the other keeps the proportions. Without it "
                        "the declared result says both.",
                        &AtLeastOne},
                       Filter("bilinear")},
          .doc = "Resizes with antialiasing, bit for bit as torchvision does on uint8 tensors."};
}

FunctionContract ResizeTo() {
  return {.name = "image.resize_to",
          .params = {{"px", Image("H", "W")},
                     {"height", Scalar(engine::DataType::kI64)},
                     {"width", Scalar(engine::DataType::kI64)}},
          .results = {{"px", Image("h", "w")}},
          .settings = {Filter("bilinear")},
          .doc = "Resizes each image to the size that its row says."};
}

FunctionContract Letterbox() {
  return {.name = "image.letterbox",
          .params = {{"px", Image("H", "W")}},
          .results = {{"px", Image("h", "w")},
                      {"scale", Scalar(engine::DataType::kF32)},
                      {"offset", Type{engine::DataType::kF32, {Dim::Size(2)}}}},
          .settings = {{"fill", Kind::kInt, false, {}, "What is around it, 114 by default.", &Byte},
                       Filter("bilinear")},
          .doc =
              "The whole image in its proportions in the middle of one of the declared size; "
              "`boxes.unletterbox` is the way back."};
}

FunctionContract CropBoxes() {
  const Type crops = {engine::DataType::kU8,
                      {Dim::Symbol("N"), Dim::Symbol("h"), Dim::Symbol("w"), Dim::Size(3)}};
  return {.name = "image.crop_boxes",
          .params = {{"px", Image("H", "W")}, {"boxes", Boxes()}},
          .results = {{"crops", crops}},
          .settings = {Filter("bilinear")},
          .doc = "What lies in each box (x1, y1, x2, y2 in pixels), resized to the declared size."};
}

FunctionContract Pyramid() {
  return {
      .name = "image.pyramid",
      .params = {{"px", Image("H", "W")}},
      .results = {{"scales", Type{engine::DataType::kF64, {Dim::Symbol("K")}}}},
      .settings =
          {{"window", Kind::kInt, true, {}, "The side of what the model looks at.", &AtLeastOne},
           {"smallest",
            Kind::kInt,
            true,
            {},
            "The side of the smallest thing to be found.",
            &AtLeastOne},
           {"factor",
            Kind::kNumber,
            false,
            {},
            "From one level to the next, 0.709 by default.",
            &Factor}},
      .doc = "The scales at which a model with a small window sees things of every size."};
}

FunctionContract DrawBoxes() {
  return {.name = "image.draw_boxes",
          .params = {{"px", Image("H", "W")}, {"boxes", Boxes()}},
          .results = {{"px", Image("H", "W")}},
          .settings = {{"colour",
                        Kind::kNumbers,
                        false,
                        {},
                        "Red, green and blue, [255, 48, 48] by default.",
                        &OneOrThree},
                       {"width", Kind::kInt, false, {}, "Of the line, 2 by default.", &AtLeastOne}},
          .doc = "The image with the frame of each box (x1, y1, x2, y2 in pixels)."};
}

FunctionContract EncodePng() {
  return {.name = "image.encode_png",
          .params = {{"px", Image("H", "W")}},
          .results = {{"image", Scalar(engine::DataType::kBytes)}},
          .settings = {},
          .doc = "A PNG file of the image."};
}

FunctionContract Crop() {
  return {.name = "image.crop",
          .params = {{"px", Image("H", "W")}},
          .results = {{"px", Image("h", "w")}},
          .settings = {},
          .doc = "Cuts the centre out, as large as the declared result."};
}

FunctionContract Normalise() {
  const Type floats = {engine::DataType::kF32, {Dim::Size(3), Dim::Symbol("h"), Dim::Symbol("w")}};
  return {
      .name = "image.normalise",
      .params = {{"px", Image("h", "w")}},
      .results = {{"x", floats}},
      .settings = {{"mean",
                    Kind::kNumbers,
                    false,
                    {},
                    "Subtracted from x / 255: one number or one a channel, 0 by default.",
                    &OneOrThree},
                   {"std",
                    Kind::kNumbers,
                    false,
                    {},
                    "Divides the difference: one number or one a channel, 1 by default.",
                    &OneOrThreeNotZero}},
      .doc = "Turns pixels into what image models eat: (x / 255 - mean) / std, channels first."};
}

}  // namespace

void RegisterImageContracts(engine::Catalog& catalog) {
  catalog.Add(Decode());
  catalog.Add(Resize());
  catalog.Add(ResizeTo());
  catalog.Add(Letterbox());
  catalog.Add(Crop());
  catalog.Add(CropBoxes());
  catalog.Add(Normalise());
  catalog.Add(Pyramid());
  catalog.Add(DrawBoxes());
  catalog.Add(EncodePng());
}

}  // namespace raceway::operators
