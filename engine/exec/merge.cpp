#include "engine/exec/merge.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace raceway::engine {
namespace {

/// Null where row r is row r.
RowIds WithoutIdentity(std::vector<int64_t> ids) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == static_cast<int64_t>(i)) continue;
    return std::make_shared<const std::vector<int64_t>>(std::move(ids));
  }
  return nullptr;
}

/// The ids that rows of the step's input have, for rows that are named by their place in it.
RowIds IdsOf(const Batch& input, const Batch& rows) {
  if (!rows.row_ids() && rows.num_rows() == input.num_rows()) return input.row_ids();
  std::vector<int64_t> ids;
  ids.reserve(static_cast<size_t>(rows.num_rows()));
  for (int64_t row = 0; row < rows.num_rows(); ++row) ids.push_back(input.RowId(rows.RowId(row)));
  return WithoutIdentity(std::move(ids));
}

std::vector<Merge::Pick> AllOf(std::span<const Merge::Part> parts) {
  std::vector<Merge::Pick> picks;
  for (size_t part = 0; part < parts.size(); ++part) {
    const Batch& rows = parts[part].rows;
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      picks.push_back({rows.RowId(row), part, row});
    }
  }
  return picks;
}

/// Whether they are all rows of the only part, in its order.
bool AreWholePart(std::span<const Merge::Part> parts, std::span<const Merge::Pick> picks) {
  if (parts.size() != 1 || static_cast<int64_t>(picks.size()) != parts[0].rows.num_rows()) {
    return false;
  }
  for (size_t i = 0; i < picks.size(); ++i) {
    if (picks[i].row != static_cast<int64_t>(i)) return false;
  }
  return true;
}

}  // namespace

Result<Merge> Merge::Make(const StepSpec& step, SchemaPtr output, std::span<const Branch> branches,
                          const std::string& winner) {
  Merge merge;
  for (const Branch& branch : branches) merge.names_.push_back(branch.name());
  for (const Field& field : output->fields()) {
    std::vector<int32_t>& sources = merge.sources_.emplace_back();
    if (!winner.empty() && field.name == winner) {
      sources.assign(branches.size(), -1);
      continue;
    }
    std::vector<std::string> names(branches.size(), field.name);
    for (const auto& [column, from] : step.sources) {
      if (column == field.name) names = from;
    }
    for (size_t i = 0; i < branches.size(); ++i) {
      const std::optional<size_t> index =
          i < names.size() ? branches[i].output_schema()->IndexOf(names[i]) : std::nullopt;
      if (!index) {
        return Error{ErrorCode::kInvalidArgument,
                     "branch `" + branches[i].name() + "` does not give `" + field.name + "`"};
      }
      sources.push_back(static_cast<int32_t>(*index));
    }
  }
  merge.output_ = std::move(output);
  return merge;
}

Column Merge::ColumnOf(size_t column, const Part& part) const {
  const int32_t source = sources_[column][part.branch];
  if (source >= 0) return part.rows.column(static_cast<size_t>(source));
  return TextColumn::Repeat(names_[part.branch], part.rows.num_rows());
}

Batch Merge::Run(const Batch& input, std::span<const Part> parts) const {
  if (parts.size() > 1) return Run(input, parts, AllOf(parts));
  if (parts.empty()) return Batch::Empty(output_);
  std::vector<Column> columns;
  columns.reserve(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) columns.push_back(ColumnOf(i, parts[0]));
  const Batch& rows = parts[0].rows;
  return {output_, std::move(columns), rows.num_rows(), IdsOf(input, rows)};
}

Batch Merge::Run(const Batch& input, std::span<const Part> parts, std::vector<Pick> picks) const {
  std::stable_sort(picks.begin(), picks.end(),
                   [](const Pick& a, const Pick& b) { return a.input_row < b.input_row; });
  if (picks.empty()) return Batch::Empty(output_);
  if (AreWholePart(parts, picks)) return Run(input, parts);
  std::vector<std::pair<int32_t, int64_t>> from;
  std::vector<int64_t> ids;
  for (const Pick& pick : picks) {
    from.emplace_back(static_cast<int32_t>(pick.part), pick.row);
    ids.push_back(input.RowId(pick.input_row));
  }
  std::vector<Column> columns;
  columns.reserve(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    std::vector<Column> inputs;
    for (const Part& part : parts) inputs.push_back(ColumnOf(i, part));
    columns.push_back(Column::Gather(inputs, from));
  }
  const auto num_rows = static_cast<int64_t>(picks.size());
  return {output_, std::move(columns), num_rows, WithoutIdentity(std::move(ids))};
}

}  // namespace raceway::engine
