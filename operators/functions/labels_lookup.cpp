#include "operators/functions/labels_lookup.h"

#include <utility>

#include "operators/functions/text_lines.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

class LabelsLookup final : public NativeFunction {
 public:
  LabelsLookup(std::string file, std::vector<std::string> labels)
      : file_(std::move(file)), labels_(std::move(labels)) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& /*context*/) const override {
    const at::Tensor indices = args[0].dense().contiguous();
    const int64_t* index = indices.const_data_ptr<int64_t>();
    engine::TextBuilder builder(num_rows);
    for (int64_t row = 0; row < num_rows; ++row) {
      if (index[row] < 0 || index[row] >= static_cast<int64_t>(labels_.size())) {
        return Error{.code = ErrorCode::kFailed,
                     .message = "no label " + std::to_string(index[row]) + " in " + file_ +
                                ", which has " + std::to_string(labels_.size()),
                     .row_id = row};
      }
      builder.Append(labels_[static_cast<size_t>(index[row])]);
    }
    return std::vector<Column>{std::move(builder).Build()};
  }

 private:
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
