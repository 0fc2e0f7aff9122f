#pragma once

#include <ATen/core/ivalue.h>
#include <c10/core/Storage.h>

#include <functional>
#include <string>
#include <unordered_map>

#include "engine/load/archive.h"

namespace caffe2::serialize {
class PyTorchStreamReader;
}
namespace torch::jit {
struct Module;
}

namespace raceway::engine::load {

/// Memory that the weights of a TorchScript archive come to, by the names of their records within
/// each of its two parts: "0" of `data/0`. What is not here is read at once, from the archive.
struct Placeholders {
  std::unordered_map<std::string, c10::Storage> data;       // of the module's attributes
  std::unordered_map<std::string, c10::Storage> constants;  // of a frozen module
};

/// Called before a class's own `__setstate__` runs, which may read the tensors in what it is given:
/// packed weights of quantised modules do. Returns when their bytes are there, or throws.
using BeforeSetState = std::function<void(const c10::IValue& state)>;

/// The module of a TorchScript archive, as `torch::jit::load` makes it, on memory whose bytes may
/// come later: it reads no weight, and merges no constants by their values, which it does not know.
///
/// Errors   throws what LibTorch throws
/// Threads  loads code and small records through `reader`, in this thread; `archive` is the same
///          file and has the checksums
/// Source   the exported parts of torch/csrc/jit/serialization of LibTorch 2.11: no stable API
torch::jit::Module ImportStructure(caffe2::serialize::PyTorchStreamReader& reader,
                                   const Archive& archive, const Placeholders& placeholders,
                                   const BeforeSetState& before_set_state);

}  // namespace raceway::engine::load
