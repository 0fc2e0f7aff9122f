#include "operators/union.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::SchemaPtr;
using RowOf = std::pair<int32_t, int64_t>;  // input, row

/// Which row of which input goes where: a stable merge by row id. The inputs are few, so the next
/// row is looked for in all of them.
std::vector<RowOf> MergeByRowId(std::span<const Batch> inputs) {
  std::vector<int64_t> next(inputs.size(), 0);
  int64_t num_rows = 0;
  for (const Batch& input : inputs) num_rows += input.num_rows();
  std::vector<RowOf> merged;
  merged.reserve(static_cast<size_t>(num_rows));
  while (static_cast<int64_t>(merged.size()) < num_rows) {
    size_t first = inputs.size();
    int64_t first_id = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (next[i] == inputs[i].num_rows()) continue;
      const int64_t id = inputs[i].RowId(next[i]);
      if (first < inputs.size() && first_id <= id) continue;
      first = i;
      first_id = id;
    }
    merged.emplace_back(static_cast<int32_t>(first), next[first]++);
  }
  return merged;
}

/// Null where all rows of the request are there again, each once.
engine::RowIds RowIdsOf(std::span<const Batch> inputs, std::span<const RowOf> merged) {
  auto row_ids = std::make_shared<std::vector<int64_t>>();
  row_ids->reserve(merged.size());
  bool is_identity = true;
  for (const auto& [input, row] : merged) {
    const int64_t id = inputs[static_cast<size_t>(input)].RowId(row);
    is_identity = is_identity && id == static_cast<int64_t>(row_ids->size());
    row_ids->push_back(id);
  }
  if (is_identity) return nullptr;
  return row_ids;
}

class Union final : public engine::Merger {
 public:
  /// `sources[c][i]`: where column c of the output comes from in input i.
  Union(SchemaPtr output, std::vector<std::vector<size_t>> sources)
      : output_(std::move(output)), sources_(std::move(sources)) {}

  Result<Batch> Run(std::span<Batch> inputs, engine::RunContext& /*context*/) const override {
    size_t num_with_rows = 0;
    size_t last_with_rows = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].num_rows() == 0) continue;
      ++num_with_rows;
      last_with_rows = i;
    }
    if (num_with_rows == 0) return Batch::Empty(output_);
    if (num_with_rows == 1) return HandOn(inputs[last_with_rows], last_with_rows);

    const std::vector<RowOf> merged = MergeByRowId(inputs);
    std::vector<Column> columns;
    columns.reserve(sources_.size());
    for (const std::vector<size_t>& source : sources_) {
      std::vector<Column> parts;
      for (size_t i = 0; i < inputs.size(); ++i) parts.push_back(inputs[i].column(source[i]));
      columns.push_back(Column::Gather(parts, merged));
    }
    return Batch(output_, std::move(columns), static_cast<int64_t>(merged.size()),
                 RowIdsOf(inputs, merged));
  }

 private:
  Batch HandOn(const Batch& input, size_t index) const {
    std::vector<Column> columns;
    columns.reserve(sources_.size());
    for (const std::vector<size_t>& source : sources_) {
      columns.push_back(input.column(source[index]));
    }
    return {output_, std::move(columns), input.num_rows(), input.row_ids()};
  }

  SchemaPtr output_;
  std::vector<std::vector<size_t>> sources_;
};

/// Where `field` of the output comes from in each input; by its own name if nothing else is said.
Result<std::vector<size_t>> FindSources(const engine::OperatorSpec& spec,
                                        const engine::Field& field) {
  std::vector<std::string> names(spec.inputs.size(), field.name);
  for (const auto& [column, sources] : spec.step.sources) {
    if (column == field.name) names = sources;
  }
  if (names.size() != spec.inputs.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 "union: `" + field.name + "` has " + std::to_string(names.size()) +
                     " sources, there are " + std::to_string(spec.inputs.size()) + " inputs"};
  }
  std::vector<size_t> indices;
  for (size_t i = 0; i < names.size(); ++i) {
    const engine::Schema& input = *spec.inputs[i];
    const std::optional<size_t> index = input.IndexOf(names[i]);
    if (!index || input[*index].type.dtype != field.type.dtype ||
        input[*index].type.optional != field.type.optional ||
        input[*index].type.shape.size() != field.type.shape.size()) {
      return Error{ErrorCode::kInvalidArgument,
                   "union: input " + std::to_string(i + 1) + " has no column `" + names[i] + ": " +
                       ToString(field.type) + "`, it is " + ToString(input)};
    }
    indices.push_back(*index);
  }
  return indices;
}

}  // namespace

Result<engine::AnyOperator> MakeUnion(const engine::OperatorSpec& spec) {
  if (spec.inputs.empty() || spec.outputs.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "union has several inputs and one output"};
  }
  std::vector<std::vector<size_t>> sources;
  for (const engine::Field& field : spec.outputs[0]->fields()) {
    Result<std::vector<size_t>> found = FindSources(spec, field);
    if (!found) return std::move(found).error();
    sources.push_back(std::move(*found));
  }
  return engine::AnyOperator(std::make_unique<Union>(spec.outputs[0], std::move(sources)));
}

}  // namespace raceway::operators
