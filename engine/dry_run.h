#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/type.h"

/// A model run on zeros to see what it takes and gives: what those who run it and those who compare
/// it with a flow have in common.
namespace raceway::engine {

/// One call.
struct DryRunTrial {
  int64_t num_rows = 1;
  std::vector<Type> inputs;  // of one row, by position; every dimension is a size

  friend bool operator==(const DryRunTrial&, const DryRunTrial&) = default;
};

/// One thing that came back.
struct DryRunOutput {
  std::string name;                     // in a dictionary, else empty
  std::string other;                    // what it is where it is no tensor: "List[int]"
  DataType dtype = DataType::kUnknown;  // of a tensor; unknown where no flow can name it
  std::vector<int64_t> sizes;           // of a tensor, all of them: the rows are first

  friend bool operator==(const DryRunOutput&, const DryRunOutput&) = default;
};

struct DryRunAnswer {
  std::string error;           // what the model threw, one line; else empty
  bool is_dictionary = false;  // outputs have names, and no order
  std::vector<DryRunOutput> outputs;

  friend bool operator==(const DryRunAnswer&, const DryRunAnswer&) = default;
};

struct DryRun {
  size_t min_inputs = 0;
  size_t max_inputs = 0;
  /// One for each trial; none if a trial has a number of inputs that the model does not take.
  std::vector<DryRunAnswer> answers;

  friend bool operator==(const DryRun&, const DryRun&) = default;
};

}  // namespace raceway::engine
