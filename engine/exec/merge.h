#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/branch.h"

namespace raceway::engine {

/// Rows that came through different branches of a step, as one table again.
class Merge {
 public:
  /// Some rows that left branch number `branch`; their ids are places in the step's input.
  struct Part {
    size_t branch = 0;
    Batch rows;
  };
  /// One row of one part.
  struct Pick {
    int64_t input_row = 0;
    size_t part = 0;
    int64_t row = 0;  // of the part
  };

  /// `winner` is the column that gets the branch's name; empty: none does.
  ///
  /// Errors   InvalidArgument if a branch lacks a column that leaves the step
  static Result<Merge> Make(const StepSpec& step, SchemaPtr output,
                            std::span<const Branch> branches, const std::string& winner = {});

  /// All rows of the parts, in the order of the input's rows; a single part keeps its own. Row ids
  /// are those of `input` again.
  Batch Run(const Batch& input, std::span<const Part> parts) const;
  /// Only these rows. They need not be in order.
  Batch Run(const Batch& input, std::span<const Part> parts, std::vector<Pick> picks) const;

  const SchemaPtr& output() const { return output_; }

 private:
  Column ColumnOf(size_t column, const Part& part) const;

  SchemaPtr output_;
  std::vector<std::vector<int32_t>> sources_;  // [column][branch]: its column, -1: the name
  std::vector<std::string> names_;             // of the branches
};

}  // namespace raceway::engine
