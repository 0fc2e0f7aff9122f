#include "engine/load/torchscript_structure.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/serialization/import_read.h>
#include <torch/csrc/jit/serialization/import_source.h>
#include <torch/csrc/jit/serialization/storage_context.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "engine/gate.h"
#include "engine/load/identity_gate.h"

namespace raceway::engine::load {
namespace {

using caffe2::serialize::PyTorchStreamReader;
using torch::jit::DeserializationStorageContext;

/// LibTorch unpacks it and checks no checksum: it would take other code for the model's.
std::shared_ptr<torch::jit::Source> CodeOf(PyTorchStreamReader& reader, const Archive& archive,
                                           std::string type) {
  std::replace(type.begin(), type.end(), '.', '/');
  const std::string record = "code/" + type + ".py";
  if (!reader.hasRecord(record)) return nullptr;
  const auto [data, size] = reader.getRecord(record);
  std::string code(static_cast<const char*>(data.get()), size);
  const Status checked = archive.Check(record, code);
  TORCH_CHECK(checked.ok(), checked.ok() ? "" : checked.error().message);
  return std::make_shared<torch::jit::Source>(std::move(code), record, 1);
}

std::shared_ptr<DeserializationStorageContext> ContextOf(
    const std::unordered_map<std::string, c10::Storage>& storages) {
  auto context = std::make_shared<DeserializationStorageContext>();
  for (const auto& [name, storage] : storages) context->addStorage(name, storage);
  return context;
}

class Importer {
 public:
  Importer(PyTorchStreamReader& reader, const Archive& archive,
           const BeforeSetState& before_set_state)
      : archive_(reader),
        before_set_state_(before_set_state),
        unit_(std::make_shared<torch::jit::CompilationUnit>()),
        sources_(
            unit_, &constants_,
            [&reader, &archive](const std::string& type) { return CodeOf(reader, archive, type); },
            reader.version()) {}

  void ReadConstants(const std::unordered_map<std::string, c10::Storage>& storages) {
    if (!archive_.hasRecord("constants.pkl")) return;
    const c10::IValue tuple = Read("constants", storages);
    for (const c10::IValue& constant : tuple.toTupleRef().elements()) {
      constants_.push_back(constant);
    }
  }

  torch::jit::Module ReadModule(const std::unordered_map<std::string, c10::Storage>& storages) {
    return torch::jit::Module(Read("data", storages).toObject());
  }

 private:
  c10::IValue Read(const std::string& part,
                   const std::unordered_map<std::string, c10::Storage>& storages) {
    const auto find_type = [this](const c10::QualifiedName& name) {
      return c10::StrongTypePtr(unit_, sources_.loadType(name));
    };
    const auto make_object = [this](const at::StrongTypePtr& type, const c10::IValue& state) {
      if (type.type_->expectRef<c10::ClassType>().findMethod("__setstate__") != nullptr) {
        before_set_state_(state);
      }
      return torch::jit::ObjLoaderFunc(type, state);
    };
    return torch::jit::readArchiveAndTensors(
        part, "", part + "/", find_type, make_object, std::nullopt, archive_,
        torch::jit::Unpickler::defaultTypeParser, ContextOf(storages));
  }

  PyTorchStreamReader& archive_;
  const BeforeSetState& before_set_state_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  std::vector<c10::IValue> constants_;  // `sources_` refers to it
  torch::jit::SourceImporter sources_;
};

}  // namespace

torch::jit::Module ImportStructure(PyTorchStreamReader& reader, const Archive& archive,
                                   const Placeholders& placeholders,
                                   const BeforeSetState& before_set_state) {
  IdentityGate gate(placeholders);
  const GateScope scope(gate);
  Importer importer(reader, archive, before_set_state);
  importer.ReadConstants(placeholders.constants);
  return importer.ReadModule(placeholders.data);
}

}  // namespace raceway::engine::load
