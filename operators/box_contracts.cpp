#include "operators/native_contracts.h"

namespace raceway::operators {
namespace {

using engine::DataType;
using engine::Dim;
using engine::FunctionContract;
using engine::SettingContract;
using engine::Type;
using Kind = SettingContract::Kind;

Type Floats(std::vector<Dim> shape) { return {DataType::kF32, std::move(shape)}; }
Type Boxes() { return Floats({Dim::Symbol("N"), Dim::Size(4)}); }

std::string Share(const engine::Value& value) {
  return *value.AsNumber() >= 0 && *value.AsNumber() <= 1 ? "" : "must be 0 to 1";
}

std::vector<SettingContract> NmsSettings() {
  return {{"overlap",
           Kind::kNumber,
           false,
           {},
           "Of two boxes that share more than this the one with the lower score goes, 0.5 by "
           "default.",
           &Share},
          {"of",
           Kind::kString,
           false,
           {"union", "smaller"},
           "What the share is of: both boxes together, by default, or the smaller one.",
           nullptr},
          {"max", Kind::kInt, false, {}, "At most so many are kept.", &AtLeastOne}};
}

FunctionContract Nms() {
  return {.name = "boxes.nms",
          .params = {{"boxes", Boxes()}, {"scores", Floats({Dim::Symbol("N")})}},
          .results = {{"kept", Type{DataType::kI64, {Dim::Symbol("K")}}}},
          .settings = NmsSettings(),
          .doc =
              "Non-maximum suppression: the places of the boxes that are left, the highest score "
              "first, as torchvision's nms; for `take`."};
}

FunctionContract NmsByClass() {
  FunctionContract contract = Nms();
  contract.name = "boxes.nms_by_class";
  contract.params.push_back({"classes", Type{DataType::kI64, {Dim::Symbol("N")}}});
  contract.doc = "The same, where only boxes of one class hide each other.";
  return contract;
}

FunctionContract FromHeatmap() {
  const Dim h = Dim::Symbol("h");
  const Dim w = Dim::Symbol("w");
  const Dim n = Dim::Symbol("N");
  const Dim c = Dim::Symbol("C");
  return {.name = "boxes.from_heatmap",
          .params = {{"scores", Floats({h, w})},
                     {"values", Floats({c, h, w})},
                     {"scale", Scalar(DataType::kF64)}},
          .results = {{"boxes", Boxes()}, {"scores", Floats({n})}, {"values", Floats({n, c})}},
          .settings =
              {{"threshold", Kind::kNumber, true, {}, "Scores from here on give a box.", nullptr},
               {"stride", Kind::kInt, true, {}, "Pixels from one place to the next.", &AtLeastOne},
               {"cell", Kind::kInt, true, {}, "Pixels that one place looks at.", &AtLeastOne}},
          .doc =
              "A box for each place of a map of scores that is high enough, in pixels of the "
              "image that was shrunk by `scale`, with the values there, as MTCNN counts them."};
}

FunctionContract Unletterbox() {
  return {.name = "boxes.unletterbox",
          .params = {{"boxes", Boxes()},
                     {"scale", Scalar(DataType::kF32)},
                     {"offset", Floats({Dim::Size(2)})}},
          .results = {{"boxes", Boxes()}},
          .settings = {},
          .doc = "Boxes of what `image.letterbox` shows, as boxes of the image it was made of."};
}

}  // namespace

void RegisterBoxContracts(engine::Catalog& catalog) {
  catalog.Add(Nms());
  catalog.Add(NmsByClass());
  catalog.Add(FromHeatmap());
  catalog.Add(Unletterbox());
}

}  // namespace raceway::operators
