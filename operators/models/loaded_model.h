#pragma once

#include <ATen/core/ivalue.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cancel.h"
#include "engine/data/schema.h"
#include "engine/result.h"
#include "operators/models/loading.h"

namespace raceway::operators {

/// What a model takes in one place.
struct ModelParameter {
  enum class Kind {
    kTensor,   // the rows in dimension 0
    kTensors,  // a list with a tensor for each row
    kTexts,    // a list with a string for each row
    kTextLists,
    kInts,  // a list with a number for each row
    kFloats,
    kBools,
    kInt,  // one value for all rows of a call
    kFloat,
    kBool,
    kText,
    kOther,  // what no column can be
  };
  std::string name;
  Kind kind = Kind::kTensor;
  bool has_default = false;
  std::string type;  // as its file has it: "Dict[str, Tensor]"
};

/// A model file in memory, whatever wrote it. Immutable: `Call` may run in several threads at once.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;

  /// In the order of `Call`.
  virtual const std::vector<ModelParameter>& parameters() const = 0;
  /// How many rows `Call` takes at most; at least 1.
  virtual int64_t max_rows() const { return std::numeric_limits<int64_t>::max(); }
  /// Whether `Call` may write into its arguments, which others may be reading.
  virtual bool writes_inputs() const { return false; }
  /// Whether what it declares of its inputs goes with `fields`, one for each argument.
  ///
  /// Errors   InvalidArgument, without the model's name
  virtual engine::Status CheckInputs(std::span<const engine::Field> fields) const = 0;
  /// Whether some of its weights could not be loaded: it stays so.
  virtual bool has_failed() const { return false; }
  /// Another step has it, which wants it this soon. The most urgent of them counts.
  virtual void Raise(LoadHints::Priority /*priority*/) const {}
  /// Answers with tensors, tuples, lists and dictionaries of them. Weights may still be on their
  /// way: it waits for those it needs, as long as `cancel` lets it. Throws what the model throws,
  /// `engine::Stopped` where the waiting was stopped, `engine::load::WeightMissing`.
  virtual c10::IValue Call(std::vector<c10::IValue> inputs,
                           const engine::CancelToken& cancel) const = 0;
};

/// "takes 2 inputs, declared 1", or nothing where `num_arguments` is a number that it takes; the
/// last parameters may have defaults.
engine::Status CheckNumberOfInputs(std::span<const ModelParameter> parameters, size_t num_arguments,
                                   std::string_view method);

/// What matters of an exception out of LibTorch, in one line.
std::string OneLine(std::string_view what);

}  // namespace raceway::operators
