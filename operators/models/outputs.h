#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/data/column.h"
#include "engine/result.h"
#include "operators/models/options.h"

/// How what a model answers becomes columns.
namespace raceway::operators {

/// A result as the flow declares it.
struct Outcome {
  std::string name;
  engine::Type declared;  // by the plan; unknown where nobody reads it
};

/// One thing that an answer consists of.
struct AnswerPart {
  std::string name;               // its key in a dictionary, else empty
  c10::IValue value;              // where it is for all rows
  std::vector<c10::IValue> rows;  // where it is a list: an element for each row
  bool is_list = false;
};

/// Takes tuples and dictionaries apart, however deep they are in one another, in their order. A
/// list has an element for each row; a list of tuples or dictionaries is taken apart row by row.
/// Only a list that is the whole answer for several results has these as its elements.
///
/// Errors   Failed where elements of such a list differ in what they consist of
engine::Result<std::vector<AnswerPart>> PartsOf(const c10::IValue& answer, size_t num_results);

/// A column, or why it is none: "is int". `casts`: floats become what is declared; numbers in
/// lists, which have no width, do so in any case.
engine::Result<engine::Column> ColumnOf(const AnswerPart& part, const engine::Type& declared,
                                        bool casts);

/// A column for each of `outcomes`, checked against what it is declared to be and `num_rows`.
///
/// By name where the answer has a dictionary in it, else by position. Outcomes that nobody reads
/// stay empty.
///
/// `casts`  floats become what is declared
/// Errors   Failed, without the name of the model
engine::Result<std::vector<engine::Column>> ColumnsOf(const c10::IValue& answer,
                                                      std::span<const Outcome> outcomes,
                                                      int64_t num_rows, bool casts);

/// Takes off what rows have got in the padded dimension.
///
/// Errors   Failed where a result is not as long there as what went in
engine::Status CutPadding(std::span<engine::Column> results, std::span<const Outcome> outcomes,
                          const Padding& padding, std::span<const int64_t> lengths);

}  // namespace raceway::operators
