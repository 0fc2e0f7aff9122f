#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/value.h"
#include "operators/models/loading.h"

namespace raceway::operators {

/// Rows of different length that run together, filled up with zeros along one dimension.
struct Padding {
  /// A dimension of what one row has in a column; both counted from 0.
  struct Place {
    size_t column = 0;
    int64_t dim = 0;
  };
  std::vector<Place> inputs;   // where it stands in what the model takes
  std::vector<Place> outputs;  // and in what it gives, which is cut again

  bool is_on() const { return !inputs.empty(); }
};

/// What a flow says of a model.
struct ModelOptions {
  std::string source;          // path of the file, relative to the plan's folder
  std::string sha256;          // of the file; tells contents apart where the path is the same
  std::string name;            // for messages
  std::string weights;         // path of a file that has them, likewise; empty: `source` has
  std::string weights_sha256;  // of that file
  std::string method = "forward";
  bool starts_fresh = false;             // each call begins with the state that is in the file
  std::optional<c10::ScalarType> dtype;  // of weights and inputs that are floats
  int num_threads = 0;                   // that one call may use, 0: as the worker has it
  int num_instances = 0;                 // how many calls may run at once, 0: any number
  std::vector<std::string> devices;      // the first that is there; empty: the stage's
  Padding padding;
  LoadHints load;  // what hints say, which are no options
};

/// From the options of a step, or of a model that is tried; `label` is "map(small)".
///
/// Errors   InvalidArgument
engine::Result<ModelOptions> ReadModelOptions(const engine::Value::Record& options,
                                              std::string_view label);

}  // namespace raceway::operators
