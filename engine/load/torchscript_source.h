#pragma once

#include "engine/load/archive.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// The weights in a file of `torch.jit.save`: the storages that `data.pkl` and `constants.pkl`
/// name, and the tensors over them. Weights of frozen modules are constants: "constants/3".
///
/// A storage is read early that is reachable from a tensor with packed parameters, a class with a
/// `__setstate__` or a sparse tensor: those look at it while the structure is made. A class whose
/// state is a dictionary may have a `__setstate__`, too, which only its code says.
///
/// Errors   Unsupported for what the pipelined loader leaves to LibTorch's own: packed weights, the
///          formats before 1.4, tensors of other kinds; InvalidArgument for what no loader should
///          take: a storage without its record or of another size, a tensor that reaches past it
Result<WeightMap> ReadTorchScript(const Archive& archive);

/// The tensor in an archive of `torch.save`, as packages of AOTInductor may keep each of their
/// weights; it has no name.
///
/// Errors   as `ReadTorchScript`; Unsupported for more or less than one tensor
Result<WeightMap> ReadSavedTensor(const Archive& archive);

/// Whether an archive was written by `torch.jit.save`.
bool IsTorchScript(const Archive& archive);

}  // namespace raceway::engine::load
