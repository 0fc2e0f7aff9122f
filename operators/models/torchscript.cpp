#include "operators/models/torchscript.h"

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/load/process_scheduler.h"
#include "engine/load/streamed_module.h"
#include "engine/load/weight_cast.h"
#include "operators/models/state.h"

namespace raceway::operators {
namespace {

namespace load = engine::load;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using Kind = ModelParameter::Kind;

/// Whether the method may write into its arguments, which others may be reading.
bool WritesInputs(const torch::jit::Method& method) {
  const std::shared_ptr<torch::jit::Graph> graph = method.graph()->copy();
  torch::jit::Inline(*graph);
  const torch::jit::AliasDb aliases(graph);
  for (size_t i = 1; i < graph->inputs().size(); ++i) {  // 0 is the module itself
    if (aliases.hasWriters(graph->inputs()[i])) return true;
  }
  return false;
}

Kind KindOf(const c10::TypePtr& type, bool in_list = false) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return in_list ? Kind::kTensors : Kind::kTensor;
    case c10::TypeKind::IntType: return in_list ? Kind::kInts : Kind::kInt;
    case c10::TypeKind::FloatType: return in_list ? Kind::kFloats : Kind::kFloat;
    case c10::TypeKind::BoolType: return in_list ? Kind::kBools : Kind::kBool;
    case c10::TypeKind::StringType: return in_list ? Kind::kTexts : Kind::kText;
    case c10::TypeKind::OptionalType:
      return KindOf(type->expectRef<c10::OptionalType>().getElementType(), in_list);
    case c10::TypeKind::ListType: {
      const Kind element = KindOf(type->expectRef<c10::ListType>().getElementType(), true);
      if (!in_list) return element;
      return element == Kind::kTexts ? Kind::kTextLists : Kind::kOther;
    }
    default: return Kind::kOther;
  }
}

std::vector<ModelParameter> ParametersOf(const torch::jit::Method& method) {
  std::vector<ModelParameter> parameters;
  for (const c10::Argument& argument : method.function().getSchema().arguments()) {
    parameters.push_back({argument.name(), KindOf(argument.type()),
                          argument.default_value().has_value(), argument.type()->annotation_str()});
  }
  parameters.erase(parameters.begin());  // the module itself
  return parameters;
}

/// "as f32", or why a column of `type` is no such parameter.
bool Takes(Kind kind, const engine::Type& type) {
  const bool is_one = type.is_scalar();
  switch (kind) {
    case Kind::kTensor:
    case Kind::kTensors: return !engine::IsText(type.dtype);
    case Kind::kText:
    case Kind::kTexts: return is_one && type.dtype == engine::DataType::kString;
    case Kind::kTextLists: return type.shape.size() == 1 && type.dtype == engine::DataType::kString;
    case Kind::kInt:
    case Kind::kInts: return is_one && engine::IsInteger(type.dtype);
    case Kind::kFloat:
    case Kind::kFloats: return is_one && engine::IsFloat(type.dtype);
    case Kind::kBool:
    case Kind::kBools: return is_one && type.dtype == engine::DataType::kBool;
    case Kind::kOther: return false;
  }
  return false;
}

/// "`_state` and `_context`"
std::string NamesOf(const std::vector<StatePath>& state) {
  std::string text;
  for (size_t i = 0; i < state.size() && i < 3; ++i) {
    text += i == 0 ? "`" : i + 1 == state.size() ? " and `" : ", `";
    for (size_t j = 0; j < state[i].size(); ++j) text += (j == 0 ? "" : ".") + state[i][j];
    text += "`";
  }
  return state.size() > 3 ? text + ", …" : text;
}

bool IsFloating(const at::Tensor& tensor) { return tensor.is_floating_point(); }

/// A module, and its weights where they are still on their way.
struct Loaded {
  torch::jit::Module module;
  std::shared_ptr<load::StreamedModule> streamed = nullptr;
};

load::StreamedOptions OptionsOf(const ModelOptions& options, const std::filesystem::path& path,
                                c10::Device device, const engine::Clock& clock) {
  const LoadHints& hints = options.load;
  load::StreamedOptions read;
  read.load = ReadOptionsOf(hints, path, clock.Now());
  read.dtype = options.dtype;
  read.device = device;
  if (!device.is_cpu()) {  // the other hints are about memory of the host
    read.load.claim = nullptr;
    return read;
  }
  if (hints.streams) read.memory = load::MemoryMode::kStream;
  if (hints.streams && hints.is_bounded()) read.window_bytes = hints.max_bytes;
  read.borrows_pages = true;
  return read;
}

/// Through the pipelined loader where it can; else LibTorch's own reads all of it first.
///
/// Errors   as `StreamedModule::Load` and `ClaimAll`. Throws what LibTorch throws
Result<Loaded> LoadModule(const std::filesystem::path& path, const std::filesystem::path& weights,
                          const ModelOptions& options, c10::Device device) {
  load::ReadScheduler& scheduler = load::ProcessScheduler();
  load::StreamedOptions read = OptionsOf(options, path, device, scheduler.clock());
  read.weights = weights;
  Result<std::shared_ptr<load::StreamedModule>> streamed =
      load::StreamedModule::Load(scheduler, path, std::move(read));
  if (streamed) return Loaded{(*streamed)->module(), *streamed};
  const bool is_left = streamed.error().code == ErrorCode::kUnsupported && weights.empty();
  if (!is_left) return std::move(streamed).error();
  const Result<std::unique_ptr<load::MemoryClaim>> claim = ClaimAll(path, options.load);
  if (device.is_cpu() && !claim) return claim.error();
  Loaded loaded = {torch::jit::load(path.string(), device)};
  if (options.dtype) load::CastWeights(loaded.module, *options.dtype);
  return loaded;
}

/// `error`, which may begin with `path` ("`m.pt`, record `r`: …", "m.pt: …"), in the words of
/// whoever calls the file `shown`, which is named once; or that of its `weights`.
Error NoModule(Error error, const std::filesystem::path& path, const std::filesystem::path& weights,
               const std::string& shown) {
  const std::string whole = path.string();
  const bool is_of_weights =
      !weights.empty() && error.message.find(weights.string()) != std::string::npos;
  for (const std::string& start : {"`" + whole + "`: ", "`" + whole + "`, ", whole + ": "}) {
    if (error.message.starts_with(start)) error.message.erase(0, start.size());
  }
  if (const size_t at = error.message.find(whole); at != std::string::npos && !is_of_weights) {
    error.message.replace(at, whole.size(), shown);
  }
  const bool is_other = error.code == ErrorCode::kInvalidArgument && !is_of_weights;
  error.message.insert(0, "model file " + shown + (is_other ? " is no TorchScript: " : ": "));
  return error;
}

class TorchScriptModel final : public LoadedModel {
 public:
  TorchScriptModel(Loaded loaded, const torch::jit::Method& method, std::vector<StatePath> state,
                   const ModelOptions& options, c10::Device device)
      : module_(std::move(loaded.module)),
        streamed_(std::move(loaded.streamed)),
        method_(options.method),
        parameters_(ParametersOf(method)),
        state_(std::move(state)),
        writes_inputs_(WritesInputs(method)),
        dtype_(options.dtype),
        device_(device) {}

  const std::vector<ModelParameter>& parameters() const override { return parameters_; }
  bool writes_inputs() const override { return writes_inputs_; }
  bool has_failed() const override { return streamed_ != nullptr && streamed_->has_failed(); }

  void Raise(LoadHints::Priority priority) const override {
    if (streamed_ == nullptr || streamed_->is_complete()) return;
    const LoadClass wanted = ClassOf(priority, load::ProcessScheduler().clock().Now());
    streamed_->interest().Raise(wanted.urgency, wanted.deadline);
  }

  Status CheckInputs(std::span<const engine::Field> fields) const override {
    if (Status checked = CheckNumberOfInputs(parameters_, fields.size(), method_); !checked) {
      return checked;
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      if (Takes(parameters_[i].kind, fields[i].type)) continue;
      return Error{ErrorCode::kInvalidArgument,
                   "`" + method_ + "` takes `" + parameters_[i].name + ": " + parameters_[i].type +
                       "`, declared `" + fields[i].name + ": " + ToString(fields[i].type) + "`"};
    }
    return engine::Done{};
  }

  c10::IValue Call(std::vector<c10::IValue> inputs,
                   const engine::CancelToken& cancel) const override {
    const c10::InferenceMode inference;
    // Without it, the profiling executor compiles a module twice, and for nothing: on a CPU without
    // LLVM it has no fuser. EfficientNet-lite0 traced, 1 row, one thread, CPU time: first run
    // 241–248 → 98–107 ms, second 128–137 → 50–59 ms, later ones 45 ms either way; the first run at
    // another batch size costs what later ones do either way (2026-11, LibTorch 2.11).
    // Thread-local.
    const torch::jit::GraphOptimizerEnabledGuard optimiser(false);
    if (dtype_ || !device_.is_cpu()) {
      for (c10::IValue& input : inputs) Move(input);
    }
    const auto call = [&] {
      // A module is a handle, and its methods are not const.
      torch::jit::Module module = state_.empty() ? module_ : WithOwnState(module_, state_);
      return module.get_method(method_)(std::move(inputs));
    };
    return streamed_ == nullptr ? call() : streamed_->Run(cancel, call);
  }

 private:
  void Move(c10::IValue& input) const {
    if (input.isTensor()) {
      input = Moved(input.toTensor());
    } else if (input.isTensorList()) {
      c10::List<at::Tensor> moved;
      for (const at::Tensor& tensor : input.toTensorVector()) moved.push_back(Moved(tensor));
      input = std::move(moved);
    }
  }
  at::Tensor Moved(const at::Tensor& tensor) const {
    const bool casts = dtype_ && IsFloating(tensor);
    return tensor.to(device_, casts ? *dtype_ : tensor.scalar_type(), /*non_blocking=*/true);
  }

  torch::jit::Module module_;
  std::shared_ptr<load::StreamedModule> streamed_;  // null: all weights are there
  std::string method_;
  std::vector<ModelParameter> parameters_;
  std::vector<StatePath> state_;
  bool writes_inputs_;
  std::optional<c10::ScalarType> dtype_;
  c10::Device device_;
};

/// "`forward` and `encode`"
std::string MethodsOf(const torch::jit::Module& module) {
  std::string text;
  for (const torch::jit::Method& method : module.get_methods()) {
    text += (text.empty() ? "`" : ", `") + method.name() + "`";
  }
  return text.empty() ? "none" : text;
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadTorchScript(const std::filesystem::path& path,
                                                           const std::filesystem::path& weights,
                                                           const ModelOptions& options,
                                                           c10::Device device) {
  const std::string& shown = options.source;
  try {
    const c10::InferenceMode inference;
    Result<Loaded> loaded = LoadModule(path, weights, options, device);
    if (!loaded) return NoModule(std::move(loaded).error(), path, weights, shown);
    torch::jit::Module& module = loaded->module;
    module.eval();
    const std::optional<torch::jit::Method> method = module.find_method(options.method);
    if (!method) {
      return Error{ErrorCode::kInvalidArgument, "model file " + shown + " has no `" +
                                                    options.method + "`; its methods are " +
                                                    MethodsOf(module)};
    }
    std::vector<StatePath> state = StateOf(module, *method);
    if (!state.empty() && !options.starts_fresh) {
      return Error{ErrorCode::kInvalidArgument,
                   "model file " + shown + " keeps state between calls: `" + options.method +
                       "` writes " + NamesOf(state) +
                       "; `state: fresh` lets each call begin with what is in the file"};
    }
    return std::shared_ptr<const LoadedModel>(std::make_shared<TorchScriptModel>(
        *std::move(loaded), *method, std::move(state), options, device));
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kInvalidArgument,
                 "model file " + shown + " is no TorchScript: " + OneLine(exception.what())};
  }
}

}  // namespace raceway::operators
