#include "operators/models/aoti.h"

#include <c10/core/InferenceMode.h>
#include <sys/utsname.h>
#include <torch/csrc/inductor/aoti_runner/model_container_runner.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "engine/call_slots.h"
#include "engine/data/column.h"
#include "engine/load/aoti_source.h"
#include "engine/load/archive.h"
#include "engine/load/open_files.h"
#include "engine/load/package_code.h"
#include "engine/load/process_scheduler.h"
#include "engine/load/streamed_package.h"
#include "engine/load/torch_library.h"
#include "operators/models/aoti_body.h"
#include "operators/models/aoti_sizes.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using engine::load::AotiWeights;
using engine::load::Archive;
using engine::load::PackageCode;
using nlohmann::json;
using torch::inductor::AOTIModelContainerRunner;

constexpr std::string_view kModels = "data/aotinductor/";
constexpr uint64_t kMaxMetadataBytes = 1 << 20;

/// What is known of a package before its code is opened.
struct Package {
  engine::load::AotiPackage code;
  json metadata;
  std::vector<AotiInput> inputs;
  AotiBody body;
};

Error Wrong(ErrorCode code, const std::string& shown, const std::string& what) {
  return {code, "model file " + shown + " " + what};
}

/// `error`, which names the file itself.
Error NotLoaded(Error error, const std::filesystem::path& path, const std::string& shown) {
  const std::string whole = path.string();
  const size_t at = error.message.find(whole);
  if (at != std::string::npos) error.message.replace(at, whole.size(), shown);
  return Wrong(error.code, shown, "cannot be loaded: " + OneLine(error.message));
}

Status CheckVersion(const Archive& archive, const std::string& shown) {
  const Result<std::string> version = archive.Read("archive_version", kMaxMetadataBytes);
  if (!version) return NotLoaded(version.error(), archive.file().name(), shown);
  if (*version != "0") {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "is a package of version " + *version + ", this release reads version 0");
  }
  const bool is_compiled =
      std::any_of(archive.records().begin(), archive.records().end(),
                  [&](const auto& record) { return archive.NameOf(record).starts_with(kModels); });
  if (is_compiled) return engine::Done{};
  return Wrong(ErrorCode::kUnsupported, shown,
               "is an exported program that was not compiled; "
               "`torch._inductor.aoti_compile_and_package` makes one that runs");
}

/// Null where there is none.
json MetadataOf(const Archive& archive, const std::string& folder) {
  for (const auto& record : archive.records()) {
    const std::string_view name = archive.NameOf(record);
    if (!name.starts_with(folder) || !name.ends_with(".wrapper_metadata.json")) continue;
    const Result<std::string> text = archive.Read(name, kMaxMetadataBytes);
    if (text) return json::parse(*text, nullptr, /*allow_exceptions=*/false);
  }
  return nullptr;
}

/// Inputs have as many rows as each other: code reads of one how many.
void TieRows(std::span<const AotiInput> inputs, std::vector<AotiTie>& ties) {
  std::optional<size_t> first;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].dims.empty() || inputs[i].dims.front().is_fixed()) continue;
    if (first) ties.push_back({i, 0, *first, 0});
    first = first.value_or(i);
  }
}

/// `has_weights`: some file has them, if the package does not.
Result<Package> ReadPackage(const Archive& archive, const std::string& shown, bool has_weights) {
  if (Status checked = CheckVersion(archive, shown); !checked) return std::move(checked).error();
  Result<engine::load::AotiPackage> code = engine::load::ReadAotiPackage(archive);
  if (!code) return NotLoaded(std::move(code).error(), archive.file().name(), shown);
  Package package;
  package.code = *std::move(code);
  package.metadata = MetadataOf(archive, package.code.folder);
  if (!package.metadata.is_object()) {
    return Wrong(ErrorCode::kInvalidArgument, shown, "does not say what it was compiled for");
  }
  if (package.code.place == AotiWeights::kElsewhere && !has_weights) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "has no weights with it; package them with its code, or say where they are: "
                 "`weights: \"w.safetensors\"`");
  }
  if (package.code.place == AotiWeights::kInLibrary && has_weights) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "has its weights in its library, so `weights` cannot be chosen any more; compile "
                 "it with `aot_inductor.package_constants_in_so` false");
  }
  std::optional<std::vector<AotiInput>> inputs = InputsOfWrapper(package.code.source);
  std::optional<AotiBody> body;
  if (inputs) body = BodyOfWrapper(package.code.source, *inputs);
  if (!body) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "does not say in its source which sizes it was compiled for, so that a call could "
                 "read past its inputs");
  }
  if (body->writes_weights) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "keeps state from call to call in its weights or buffers; export it without");
  }
  TieRows(*inputs, body->ties);
  package.inputs = *std::move(inputs);
  package.body = *std::move(body);
  return package;
}

/// Instructions that the code needs and this processor lacks; empty if there are none.
std::string MissingInstructions(const std::string& isa) {
#if defined(__x86_64__)
  if (isa.find("AVX512") != std::string::npos &&
      !(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))) {
    return "AVX-512";
  }
  if (isa.find("VNNI") != std::string::npos && !__builtin_cpu_supports("avx512vnni")) {
    return "VNNI";
  }
  if (isa.find("AVX") != std::string::npos && !__builtin_cpu_supports("avx2")) return "AVX2";
#endif
  return {};
}

Status CheckMachine(const json& metadata, const std::string& shown, c10::Device device) {
  const auto text = [&metadata](const char* key) { return metadata.value(key, std::string()); };
  const std::string compiled_for = text("AOTI_DEVICE_KEY");
  if (compiled_for != c10::DeviceTypeName(device.type(), /*lower_case=*/true)) {
    return Wrong(
        ErrorCode::kUnavailable, shown,
        "was compiled for `" + compiled_for + "`, here it is to run on `" + device.str() + "`");
  }
  utsname machine{};
  ::uname(&machine);
  if (text("AOTI_PLATFORM") != "linux" || text("AOTI_MACHINE") != machine.machine) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "was compiled for " + text("AOTI_PLATFORM") + " on " + text("AOTI_MACHINE") +
                     ", this is linux on " + machine.machine);
  }
  const std::string missing = MissingInstructions(text("AOTI_CPU_ISA"));
  if (missing.empty()) return engine::Done{};
  return Wrong(ErrorCode::kUnsupported, shown,
               "was compiled for processors with " + missing + ", this one has none");
}

size_t NumLeaves(const json& spec) {
  const json& children = spec.at("children_spec");
  if (children.empty()) return spec.at("type").is_null() ? 1 : 0;
  size_t count = 0;
  for (const json& child : children) count += NumLeaves(child);
  return count;
}

/// The names of what a dictionary (or what is like one) has in it; empty for others.
std::vector<std::string> KeysOf(const json& spec) {
  const json& context = spec.at("context");
  if (!context.is_string()) return {};
  const json keys = json::parse(context.get<std::string>(), nullptr, false);
  const bool are_names =
      keys.is_array() && keys.size() == spec.at("children_spec").size() &&
      std::all_of(keys.begin(), keys.end(), [](const json& key) { return key.is_string(); });
  return are_names ? keys.get<std::vector<std::string>>() : std::vector<std::string>();
}

/// Puts tensors where `spec`, of a Python tree, has its leaves. A list in there has a fixed length
/// and is a tuple to us.
c10::IValue TreeOf(const json& spec, std::vector<at::Tensor>::const_iterator& leaf) {
  const json& children = spec.at("children_spec");
  if (children.empty() && spec.at("type").is_null()) return *leaf++;
  std::vector<c10::IValue> values;
  for (const json& child : children) values.push_back(TreeOf(child, leaf));
  const std::vector<std::string> keys = KeysOf(spec);
  if (keys.empty()) return c10::ivalue::Tuple::create(std::move(values));
  c10::impl::GenericDict dictionary(c10::StringType::get(), c10::AnyType::get());
  for (size_t i = 0; i < keys.size(); ++i) dictionary.insert(keys[i], values[i]);
  return dictionary;
}

/// `[1, { … }]`
json SpecOf(const std::string& text) {
  const json versioned = json::parse(text);
  if (versioned.at(0) != 1) throw std::runtime_error("describes its outputs in another version");
  return versioned.at(1);
}

std::string NameOfInput(size_t i) { return "input " + std::to_string(i + 1); }

std::string BrokenTie(const AotiTie& tie, std::span<const at::Tensor> tensors) {
  const int64_t size = tensors[tie.input].size(static_cast<int64_t>(tie.dim));
  const int64_t other = tensors[tie.with_input].size(static_cast<int64_t>(tie.with_dim));
  if (size == other) return {};
  const std::string what = tie.dim == 0 ? " rows" : " in dimension " + std::to_string(tie.dim - 1);
  return NameOfInput(tie.input) + " has " + std::to_string(size) + what + ", " +
         NameOfInput(tie.with_input) + " " + std::to_string(other) + ": compiled for the same";
}

/// Whether compiled code may have `tensors`, one for each input; empty, or why not.
std::string Misfit(std::span<const AotiInput> inputs, const AotiBody& body,
                   std::span<const at::Tensor> tensors) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string misfit = Misfit(inputs[i], tensors[i]);
    if (!misfit.empty()) return NameOfInput(i) + " " + misfit;
  }
  for (const AotiTie& tie : body.ties) {
    std::string broken = BrokenTie(tie, tensors);
    if (!broken.empty()) return broken;
  }
  return {};
}

/// "(f32[rows, 4], f32[rows])"
std::string ToString(std::span<const AotiInput> inputs) {
  std::string text;
  for (const AotiInput& input : inputs) text += (text.empty() ? "" : ", ") + ToString(input);
  return "(" + text + ")";
}

/// Compiled code that is open: its weights still on their way, or all in its library.
struct OpenedCode {
  std::shared_ptr<engine::load::StreamedPackage> streamed = nullptr;
  std::optional<PackageCode> folder = std::nullopt;  // kernels of CUDA are read when first used
  std::unique_ptr<AOTIModelContainerRunner> stock = nullptr;

  AOTIModelContainerRunner& runner() const {
    return streamed != nullptr ? streamed->runner() : *stock;
  }
};

size_t NumCalls() { return std::max(1U, std::thread::hardware_concurrency()); }

class AotiModel final : public LoadedModel {
 public:
  AotiModel(Package package, OpenedCode opened, c10::Device device)
      : inputs_(std::move(package.inputs)),
        body_(std::move(package.body)),
        opened_(std::move(opened)),
        device_(device) {
    const std::vector<std::string> specs = opened_.runner().get_call_spec();
    if (specs.size() != 2 || NumLeaves(SpecOf(specs[0])) != inputs_.size()) {
      throw std::runtime_error("has other inputs than its source checks");
    }
    outputs_ = SpecOf(specs[1]);
    num_outputs_ = NumLeaves(outputs_);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      parameters_.push_back(
          {NameOfInput(i), ModelParameter::Kind::kTensor, false, ToString(inputs_[i])});
    }
  }

  const std::vector<ModelParameter>& parameters() const override { return parameters_; }
  bool writes_inputs() const override { return body_.writes_inputs; }
  bool has_failed() const override {
    return opened_.streamed != nullptr && opened_.streamed->has_failed();
  }

  void Raise(LoadHints::Priority priority) const override {
    if (opened_.streamed == nullptr) return;
    const LoadClass wanted = ClassOf(priority, engine::load::ProcessScheduler().clock().Now());
    opened_.streamed->Raise(wanted.urgency, wanted.deadline);
  }

  int64_t max_rows() const override {
    int64_t most = LoadedModel::max_rows();
    for (const AotiInput& input : inputs_) {
      if (!input.dims.empty()) most = std::min(most, std::max(int64_t{1}, input.dims[0].max));
    }
    return most;
  }

  Status CheckInputs(std::span<const engine::Field> fields) const override {
    if (Status checked = CheckNumberOfInputs(parameters_, fields.size(), "the package"); !checked) {
      return checked;
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      if (Status checked = CheckInput(inputs_[i], fields[i]); !checked) return checked;
    }
    return engine::Done{};
  }

  c10::IValue Call(std::vector<c10::IValue> inputs,
                   const engine::CancelToken& cancel) const override {
    const c10::InferenceMode inference;
    std::vector<at::Tensor> tensors;
    tensors.reserve(inputs.size());
    for (const c10::IValue& input : inputs) {
      tensors.push_back(input.toTensor().to(device_, /*non_blocking=*/true).contiguous());
    }
    const std::string misfit = Misfit(inputs_, body_, tensors);
    if (!misfit.empty()) throw std::runtime_error(misfit);
    const std::vector<at::Tensor> leaves = LeavesOf(tensors, cancel);
    if (leaves.size() != num_outputs_) {
      return c10::ivalue::Tuple::create(std::vector<c10::IValue>(leaves.begin(), leaves.end()));
    }
    auto leaf = leaves.begin();
    return TreeOf(outputs_, leaf);
  }

 private:
  std::vector<at::Tensor> LeavesOf(const std::vector<at::Tensor>& inputs,
                                   const engine::CancelToken& cancel) const {
    if (opened_.streamed != nullptr) return opened_.streamed->Run(inputs, cancel);
    // LibTorch would wait for an instance past any cancelling; before the first call, for ever.
    const engine::CallSlot slot(slots_, cancel);
    return opened_.stock->run(inputs);
  }

  static Status CheckInput(const AotiInput& input, const engine::Field& field) {
    const auto wrong = [&](const std::string& more) {
      return Error{ErrorCode::kInvalidArgument, "the package was compiled for `" + field.name +
                                                    ": " + ToString(input) + "`" + more};
    };
    const std::string declared = ", declared `" + field.name + ": " + ToString(field.type) + "`";
    const engine::Type& type = field.type;
    if (engine::IsText(type.dtype) || engine::ScalarTypeOf(type.dtype) != input.dtype) {
      return wrong(declared);
    }
    const bool is_any_rank = !type.shape.empty() && type.shape.front().symbol == "...";
    if (!is_any_rank && type.shape.size() + 1 != input.dims.size()) return wrong(declared);
    for (size_t i = 0; i < type.shape.size() && !is_any_rank; ++i) {
      const AotiInput::Dim& dim = input.dims[i + 1];
      const int64_t size = type.shape[i].size;
      if (type.shape[i].is_size() && (size < dim.min || size > dim.max)) return wrong(declared);
    }
    if (input.dims.empty() || input.dims.front().is_fixed()) {
      return wrong(", always so many rows; export it with a dynamic first dimension");
    }
    return engine::Done{};
  }

  std::vector<AotiInput> inputs_;
  AotiBody body_;
  std::vector<ModelParameter> parameters_;
  json outputs_;
  size_t num_outputs_ = 0;
  OpenedCode opened_;
  c10::Device device_;
  mutable engine::CallSlots slots_{NumCalls()};  // of what is not streamed
};

/// The code, unpacked once for all who want it; as LibTorch opens it. Throws what that throws.
///
/// Errors   as `PackageCode::Unpack`, Unavailable
Result<OpenedCode> OpenStock(const Archive& archive, const Package& package, c10::Device device) {
  // Kernels of CUDA are read when they are first used: nobody else would get into the cache.
  const std::filesystem::path cache = device.is_cpu() ? PackageCode::DefaultCache() : "";
  Result<PackageCode> code = PackageCode::Unpack(archive, package.code.folder, cache);
  if (!code) return std::move(code).error();
  // Compiled code names it, though all that it calls is in libtorch_cpu.
  Status opened = engine::load::OpenTorchLibrary("libtorch.so");
  if (!opened) return std::move(opened).error();
  const auto& makers = torch::inductor::getAOTIModelRunnerRegistry();
  const auto maker = makers.find(c10::DeviceTypeName(device.type(), /*lower_case=*/true));
  if (maker == makers.end()) throw std::runtime_error("nothing here runs it on " + device.str());
  const std::filesystem::path& library = code->library();
  OpenedCode stock;
  stock.stock =
      maker->second(library.string(), NumCalls(), device.str(), library.parent_path().string(),
                    /*run_single_threaded=*/false);
  if (!device.is_cpu()) stock.folder.emplace(*std::move(code));
  return stock;
}

engine::load::PackageOptions OptionsOf(const LoadHints& hints, const Archive& archive,
                                       const Package& package) {
  const engine::TimePoint now = engine::load::ProcessScheduler().clock().Now();
  return {.load = ReadOptionsOf(hints, archive.file().name(), now),
          .num_calls = NumCalls(),
          .writes_inputs = package.body.writes_inputs,
          .streams = hints.streams};
}

/// Of a package with its weights in its library.
///
/// Errors   as `OpenStock` and `ClaimAll`; Unsupported for weights that are to be streamed
Result<OpenedCode> OpenWhole(const Archive& archive, const Package& package, const LoadHints& hints,
                             c10::Device device) {
  if (hints.streams) {
    return Error{ErrorCode::kUnsupported,
                 "its weights are in its library, which has them in memory as long as the model: "
                 "`load { stream }` wants a package that was compiled with "
                 "`aot_inductor.package_constants_in_so` false"};
  }
  const auto claim = ClaimAll(archive.file().name(), hints);  // until it is loaded
  if (!claim && device.is_cpu()) return claim.error();
  return OpenStock(archive, package, device);
}

/// Through the pipelined loader where that can fill its weights.
///
/// Errors   as `OpenWhole`, as `StreamedPackage::Load`
Result<OpenedCode> Open(engine::load::OpenFiles& files, const Archive& archive,
                        const Package& package, const std::filesystem::path& weights,
                        const LoadHints& hints, c10::Device device) {
  if (package.code.place == AotiWeights::kInLibrary) {
    return OpenWhole(archive, package, hints, device);
  }
  if (!device.is_cpu()) {
    return Error{ErrorCode::kUnsupported,
                 "its weights are apart from its code, which is not "
                 "supported on " +
                     device.str()};
  }
  Result<std::shared_ptr<engine::load::StreamedPackage>> streamed =
      engine::load::StreamedPackage::Load(engine::load::ProcessScheduler(), files,
                                          archive.file().name(), weights,
                                          OptionsOf(hints, archive, package));
  if (!streamed) return std::move(streamed).error();
  return OpenedCode{.streamed = *std::move(streamed)};
}

}  // namespace

bool IsAotiPackage(const std::filesystem::path& path) {
  const Result<Archive> archive = Archive::Open(path);
  // Whoever reads it as something else says why it is none.
  return archive.ok() && engine::load::IsPackage(*archive);
}

Status CheckAotiCall(const std::filesystem::path& path, const std::string& shown,
                     std::span<const c10::IValue> inputs) {
  const Result<Archive> archive = Archive::Open(path);
  if (!archive) return NotLoaded(archive.error(), path, shown);
  const Result<Package> package = ReadPackage(*archive, shown, /*has_weights=*/false);
  if (!package) return package.error();
  Status machine = CheckMachine(package->metadata, shown, c10::Device(c10::DeviceType::CPU));
  if (!machine) return machine;
  const auto wrong = [&](const std::string& what) {
    return Wrong(ErrorCode::kInvalidArgument, shown,
                 "takes " + ToString(package->inputs) + ": " + what);
  };
  if (inputs.size() != package->inputs.size()) {
    return wrong("it was given " + (inputs.empty() ? "nothing" : std::to_string(inputs.size())));
  }
  std::vector<at::Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].isTensor()) return wrong(NameOfInput(i) + " is no tensor");
    tensors.push_back(inputs[i].toTensor().contiguous());
  }
  const std::string misfit = Misfit(package->inputs, package->body, tensors);
  return misfit.empty() ? Status(engine::Done{}) : wrong(misfit);
}

Result<std::shared_ptr<const LoadedModel>> LoadAotiPackage(const std::filesystem::path& path,
                                                           const std::filesystem::path& weights,
                                                           const ModelOptions& options,
                                                           c10::Device device) {
  const std::string& shown = options.source;
  for (const auto& [is_set, setting] :
       {std::pair(options.method != "forward", "method"), std::pair(options.starts_fresh, "state"),
        std::pair(options.dtype.has_value(), "dtype"),
        std::pair(options.num_threads > 0, "threads")}) {
    if (is_set) {
      return Wrong(ErrorCode::kInvalidArgument, shown,
                   std::string("is compiled, so `") + setting + "` cannot be chosen any more");
    }
  }
  engine::load::OpenFiles files;
  const Result<engine::load::RandomFile> file = files.Look(path);
  const Result<Archive> archive = file ? Archive::Open(*file) : file.error();
  if (!archive) return NotLoaded(archive.error(), path, shown);
  try {
    Result<Package> package = ReadPackage(*archive, shown, !weights.empty());
    if (!package) return std::move(package).error();
    if (Status checked = CheckMachine(package->metadata, shown, device); !checked) {
      return std::move(checked).error();
    }
    Result<OpenedCode> opened = Open(files, *archive, *package, weights, options.load, device);
    // Says more than what became of it, and whether the inputs that are checked are the code's.
    if (Status unchanged = files.CheckUnchanged(); !unchanged) {
      return NotLoaded(std::move(unchanged).error(), path, shown);
    }
    if (!opened) return NotLoaded(std::move(opened).error(), path, shown);
    return std::shared_ptr<const LoadedModel>(
        std::make_shared<AotiModel>(*std::move(package), *std::move(opened), device));
  } catch (const std::exception& exception) {
    return Wrong(ErrorCode::kInvalidArgument, shown,
                 "cannot be loaded: " + OneLine(exception.what()));
  }
}

}  // namespace raceway::operators
