#include "operators/functions/labels_lookup.h"

#include <utility>

#include "engine/data/text_tensor.h"
#include "operators/functions/text_lines.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// Of one index a row, or of a list of them.
class LabelsLookup final : public NativeFunction {
 public:
  LabelsLookup(std::string file, std::vector<std::string> labels)
      : file_(std::move(file)), labels_(std::move(labels)) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& /*context*/) const override {
    engine::TextBuilder builder(num_rows);
    for (int64_t row = 0; row < num_rows; ++row) {
      Result<std::string> text = TextOf(args[0].Row(row).contiguous());
      if (!text) {
        text.error().row_id = row;
        return std::move(text).error();
      }
      builder.Append(*text);
    }
    return std::vector<Column>{std::move(builder).Build()};
  }

 private:
  /// i64 → a label, i64[K] → K of them, packed
  Result<std::string> TextOf(const at::Tensor& indices) const {
    std::vector<std::string_view> labels;
    for (int64_t i = 0; i < indices.numel(); ++i) {
      const int64_t index = indices.const_data_ptr<int64_t>()[i];
      if (index < 0 || index >= static_cast<int64_t>(labels_.size())) {
        return Error{ErrorCode::kFailed, "no label " + std::to_string(index) + " in " + file_ +
                                             ", which has " + std::to_string(labels_.size())};
      }
      labels.push_back(labels_[static_cast<size_t>(index)]);
    }
    if (indices.dim() == 0) return std::string(labels[0]);
    std::string packed;
    engine::Pack(indices.sizes(), labels, packed);
    return packed;
  }

  std::string file_;  // as written
  std::vector<std::string> labels_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeLabelsLookup(const FunctionSpec& spec) {
  const std::string& file = *spec.settings.Find("file")->AsString();
  Result<std::vector<std::string>> labels = ReadLines(spec.base_dir, file);
  if (!labels) return std::move(labels).error();
  return std::unique_ptr<NativeFunction>(std::make_unique<LabelsLookup>(file, *std::move(labels)));
}

}  // namespace raceway::operators
