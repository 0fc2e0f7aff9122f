#include "engine/load/torchscript_structure.h"

#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/serialization/storage_context.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/gate.h"
#include "engine/load/identity_gate.h"
#include "engine/load/inlined_graph.h"

namespace raceway::engine::load {
namespace {

using torch::jit::DeserializationStorageContext;

std::shared_ptr<DeserializationStorageContext> ContextOf(
    const std::unordered_map<std::string, c10::Storage>& storages) {
  auto context = std::make_shared<DeserializationStorageContext>();
  for (const auto& [name, storage] : storages) context->addStorage(name, storage);
  return context;
}

/// Whether no gate sees what it reads: in another thread, or by other ways than an operator. So may
/// code that nobody can look into: of classes in C++, or behind an interface whose module is not
/// known, or changes.
bool IsUnseen(const torch::jit::Node& node) {
  static const c10::Symbol kSave = c10::Symbol::fromQualString("aten::save");
  const c10::Symbol kind = node.kind();
  if (kind == c10::prim::SetAttr)
    return node.input(1)->type()->castRaw<c10::InterfaceType>() != nullptr;
  return kind == c10::prim::fork || kind == c10::prim::awaitable || kind == c10::prim::tolist ||
         kind == c10::prim::CallMethod || kind == kSave;
}

bool ReadsUnseen(const torch::jit::Block& block) {
  return std::any_of(block.nodes().begin(), block.nodes().end(), [](const torch::jit::Node* node) {
    return IsUnseen(*node) ||
           std::any_of(node->blocks().begin(), node->blocks().end(),
                       [](const torch::jit::Block* inner) { return ReadsUnseen(*inner); });
  });
}

}  // namespace

/// The records of an archive that are no weights.
class Structure::Code {
 public:
  explicit Code(const Archive& archive) : archive_(archive) {}

  std::string Record(const std::string& name) const {
    Result<std::string> bytes = archive_.Unpack(name, std::numeric_limits<uint64_t>::max());
    TORCH_CHECK(bytes.ok(), bytes.ok() ? "" : bytes.error().message);
    return *std::move(bytes);
  }
  bool Has(const std::string& name) const { return archive_.Find(name) != nullptr; }

  uint64_t Version() const {
    const std::string text = Record(Has(".data/version") ? ".data/version" : "version");
    uint64_t version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    return version;
  }

  /// Null if there is none for the type.
  std::shared_ptr<torch::jit::Source> SourceOf(std::string type) const {
    std::replace(type.begin(), type.end(), '.', '/');
    const std::string record = "code/" + type + ".py";
    if (!Has(record)) return nullptr;
    return std::make_shared<torch::jit::Source>(Record(record), record, 1);
  }

 private:
  const Archive& archive_;
};

Structure::Structure() = default;

// LibTorch's functions that were not compiled to their end hold who compiles them, who holds the
// unit, which holds them.
Structure::~Structure() {
  if (!has_made_) unit_->drop_all_functions();
}

torch::jit::Module Structure::MakeModule(const Archive& archive, const Placeholders& placeholders,
                                         const BeforeSetState& before_set_state) {
  IdentityGate gate(placeholders);
  const GateScope scope(gate);
  Code code(archive);
  std::call_once(has_begun_, [&] { Begin(code, placeholders.constants, before_set_state); });
  torch::jit::Module module(Read(code, "data", placeholders.data, before_set_state).toObject());
  has_made_ = true;
  return module;
}

void Structure::Begin(Code& code, const Storages& constants,
                      const BeforeSetState& before_set_state) {
  sources_.emplace(
      unit_, &constants_, [this](const std::string& type) { return code_->SourceOf(type); },
      code.Version());
  if (!code.Has("constants.pkl")) return;
  const c10::IValue tuple = Read(code, "constants", constants, before_set_state);
  constants_ = tuple.toTupleRef().elements().vec();
}

c10::IValue Structure::Read(Code& code, const std::string& part, const Storages& storages,
                            const BeforeSetState& before_set_state) {
  const std::string pickle = code.Record(part + ".pkl");
  size_t at = 0;
  const auto read = [&](char* to, size_t num_bytes) {
    num_bytes = std::min(num_bytes, pickle.size() - at);
    std::memcpy(to, pickle.data() + at, num_bytes);
    at += num_bytes;
    return num_bytes;
  };
  const auto find_type = [&](const c10::QualifiedName& name) { return TypeNamed(name, code); };
  const auto make_object = [&](const at::StrongTypePtr& type, const c10::IValue& state) {
    if (type.type_->expectRef<c10::ClassType>().findMethod("__setstate__") != nullptr) {
      before_set_state(state);
    }
    return torch::jit::ObjLoaderFunc(type, state);
  };
  const auto read_storage = [&](const std::string& key) -> at::DataPtr {
    TORCH_CHECK(false, part, "/", key, " has no place in memory");
  };
  // Tensors are where their storages are, whatever device they were saved from.
  torch::jit::Unpickler unpickler(read, find_type, make_object, read_storage, std::nullopt,
                                  /*use_storage_device=*/true,
                                  torch::jit::Unpickler::defaultTypeParser, ContextOf(storages));
  unpickler.set_version(code.Version());
  return unpickler.parse_ivalue();
}

c10::StrongTypePtr Structure::TypeNamed(const c10::QualifiedName& name, Code& code) {
  const std::lock_guard lock(mutex_);
  code_ = &code;
  return {unit_, sources_->loadType(name)};
}

bool Structure::ReadsUnseen(const torch::jit::Module& module) {
  const std::lock_guard lock(mutex_);
  if (!reads_unseen_) reads_unseen_ = load::ReadsUnseen(module);
  return *reads_unseen_;
}

bool ReadsUnseen(const torch::jit::Module& module) {
  const auto methods = module.get_methods();
  return std::any_of(methods.begin(), methods.end(), [&](const torch::jit::Method& method) {
    return ReadsUnseen(*InlinedGraph(module, method)->block());
  });
}

}  // namespace raceway::engine::load
