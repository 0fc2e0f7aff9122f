#pragma once

#include "engine/operator.h"

namespace raceway::operators {

/// Calls a model: a method of a TorchScript module, or an AOTInductor package.
///
/// Options  `source`   path of the file, relative to the plan's folder
///          `sha256`   of the file; tells contents apart where the path is the same
///          `threads`  that one call may use, 0: as the worker has it
///          `method`   of a module, "forward" if there is none
///          `state`    "fresh": a module that writes its own attributes begins each call with those
///                     of the file. Without it such a module is refused
///          `dtype`    "bf16": what weights and floating inputs are turned into; floating outputs
///                     become what is declared
///          `pad`      { inputs: [[column, dim]], outputs: […] }: rows of different length are
///                     filled up there with zeros and run together; the model gets one more input,
///                     mask: bool[rows, longest]
/// Hints    `load.priority` "low", "normal", "high": which of several models is read first;
///          `load.memory`, in bytes: what its weights may hold; `load.stream`; `batch.max`, rows of
///          one call at most, `batch.wait`, `batch.adaptive`: calls of several requests are one
/// Input    the columns that `step.arguments` names, in the model's order. A parameter that is a
///          list (of tensors, strings, numbers) gets an element for each row; one that is a number
///          or a string gets that of the row. Rows that differ in that, or in shape, are run group
///          by group, and so are more rows than a package was compiled for
/// Output   the same rows; the outputs are what the model answers: tensors with the rows in
///          dimension 0 and lists with an element for each row, in tuples by position or in
///          dictionaries by result name. The elements of a list that is the whole answer for
///          several results are these results
/// Device   of the plan: "cpu", "cuda", "cuda:1". Inputs are copied there, outputs back
/// Errors   Unavailable for a missing file or device and for too little memory, InvalidArgument for
///          a file that is no model or takes other inputs; at run time Failed for what the model
///          throws, for outputs that are not as declared and for weights that cannot be read
/// Memory   steps that load the same file in the same way share one model
engine::Result<engine::AnyOperator> MakeModel(const engine::OperatorSpec& spec);

}  // namespace raceway::operators
