#pragma once

#include <ATen/core/ivalue.h>
#include <c10/core/Storage.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import_source.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/load/archive.h"

namespace raceway::engine::load {

/// Memory that the weights of a TorchScript archive come to, by the names of their records within
/// each of its two parts: "0" of `data/0`. All that the archive's pickles name.
struct Placeholders {
  std::unordered_map<std::string, c10::Storage> data;       // of the module's attributes
  std::unordered_map<std::string, c10::Storage> constants;  // of a frozen module
};

/// Called before a class's own `__setstate__` runs, which may read the tensors in what it is given:
/// packed weights of quantised modules do. Returns when their bytes are there, or throws.
using BeforeSetState = std::function<void(const c10::IValue& state)>;

/// The compiled code of a TorchScript archive. Makes its module as `torch::jit::load` does, on
/// memory whose bytes may come later: it reads no weight, and merges no constants by their values,
/// which it does not know. Makes any number of modules, which share their classes; the first takes
/// the time, the others unpickle their attributes. All of them are on one device: small constants
/// of the code are where those of the first module were put.
///
/// Threads  any; code is compiled by one at a time
/// Source   the exported parts of torch/csrc/jit/serialization of LibTorch 2.11: no stable API
class Structure {
 public:
  Structure();
  ~Structure();
  Structure(const Structure&) = delete;

  /// `archive` has the code of the one that this was called with first, byte for byte, and
  /// constants of the same values: those of the first stay.
  ///
  /// Errors   throws what LibTorch throws
  torch::jit::Module MakeModule(const Archive& archive, const Placeholders& placeholders,
                                const BeforeSetState& before_set_state);

  /// `ReadsUnseen` of a module that this has made, found out once.
  bool ReadsUnseen(const torch::jit::Module& module);

 private:
  class Code;

  using Storages = std::unordered_map<std::string, c10::Storage>;

  void Begin(Code& code, const Storages& constants, const BeforeSetState& before_set_state);
  c10::IValue Read(Code& code, const std::string& part, const Storages& storages,
                   const BeforeSetState& before_set_state);
  c10::StrongTypePtr TypeNamed(const c10::QualifiedName& name, Code& code);

  const std::shared_ptr<torch::jit::CompilationUnit> unit_ =
      std::make_shared<torch::jit::CompilationUnit>();
  std::once_flag has_begun_;
  std::atomic<bool> has_made_ = false;  // a module, which needs the functions
  std::vector<c10::IValue> constants_;
  std::optional<torch::jit::SourceImporter> sources_;  // refers to `constants_`
  std::mutex mutex_;
  Code* code_ = nullptr;  // of the archive for which a type is looked up
  std::optional<bool> reads_unseen_;
};

/// Whether some method reads weights where no gate sees it: in other threads (`fork`), by `tolist`
/// or `torch.save`, which are no operators; or may do so, in code that is not TorchScript's.
bool ReadsUnseen(const torch::jit::Module& module);

}  // namespace raceway::engine::load
