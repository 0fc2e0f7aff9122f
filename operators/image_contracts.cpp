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
                       {"filter",
                        Kind::kString,
                        false,
                        {"bilinear", "bicubic"},
                        "How pixels are weighed, bilinear by default.",
                        nullptr}},
          .doc = "Resizes with antialiasing, bit for bit as torchvision does on uint8 tensors."};
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
  catalog.Add(Crop());
  catalog.Add(Normalise());
}

}  // namespace raceway::operators
