#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/schema.h"
#include "engine/value.h"

/// A model run on zeros to see what it takes and gives: what those who run it and those who compare
/// it with a flow have in common.
namespace raceway::engine {

/// What a flow says of the model.
struct DryRunModel {
  std::string path;        // relative to the flow's folder
  Value::Record settings;  // as steps have them in their options, but for the file
  std::vector<Field> inputs;
  std::vector<Field> results;
};

/// One call.
struct DryRunTrial {
  int64_t num_rows = 1;
  std::vector<Type> inputs;  // of one row, by position; every dimension is a size

  friend bool operator==(const DryRunTrial&, const DryRunTrial&) = default;
};

/// One thing that came back.
struct DryRunOutput {
  std::string name;                     // in a dictionary, else empty
  std::string other;                    // what it is where it is no column: "Dict[int, int]"
  DataType dtype = DataType::kUnknown;  // unknown where no flow can name it
  std::vector<int64_t> sizes;           // the rows, then those of the first row

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
  std::string misfit;  // why the model cannot take such inputs; else empty
  /// One for each trial; none if a trial has a number of inputs that the model does not take.
  std::vector<DryRunAnswer> answers;

  friend bool operator==(const DryRun&, const DryRun&) = default;
};

}  // namespace raceway::engine
