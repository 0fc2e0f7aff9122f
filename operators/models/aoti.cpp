#include "operators/models/aoti.h"

#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>
#include <elf.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <torch/csrc/inductor/aoti_runner/model_container_runner.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "engine/data/column.h"
#include "operators/models/aoti_body.h"
#include "operators/models/aoti_sizes.h"
#include "operators/models/device.h"

namespace raceway::operators {
namespace {

using caffe2::serialize::PyTorchStreamReader;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using nlohmann::json;
using torch::inductor::AOTIModelContainerRunner;

constexpr std::string_view kModels = "data/aotinductor/";

std::string TextOf(PyTorchStreamReader& archive, const std::string& record) {
  const auto [data, size] = archive.getRecord(record);
  return {static_cast<const char*>(data.get()), size};
}

/// A folder that is gone with this.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "raceway-model-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::filesystem::filesystem_error("cannot unpack it to", name,
                                              std::error_code(errno, std::generic_category()));
    }
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The records of one model in an archive.
struct Package {
  std::string folder;  // in the archive: "data/aotinductor/model/"
  std::vector<std::string> records;
  std::string library;  // its record
  json metadata;
  std::vector<AotiInput> inputs;
  AotiBody body;
};

std::string FileName(const std::string& record) {
  return std::filesystem::path(record).filename().string();
}

/// Of several models the one that is called "model".
std::string FolderOf(const std::vector<std::string>& records) {
  std::string folder;
  for (const std::string& record : records) {
    if (!record.starts_with(kModels)) continue;
    const std::string found = record.substr(0, record.find('/', kModels.size()) + 1);
    if (folder.empty() || found == std::string(kModels) + "model/") folder = found;
  }
  return folder;
}

Error Wrong(ErrorCode code, const std::string& shown, const std::string& what) {
  return {code, "model file " + shown + " " + what};
}

Result<Package> ReadPackage(PyTorchStreamReader& archive, const std::string& shown) {
  const std::vector<std::string> all = archive.getAllRecords();
  const std::string version = TextOf(archive, "archive_version");
  if (version != "0") {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "is a package of version " + version + ", this release reads version 0");
  }
  Package package;
  package.folder = FolderOf(all);
  if (package.folder.empty()) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "is an exported program that was not compiled; "
                 "`torch._inductor.aoti_compile_and_package` makes one that runs");
  }
  std::string wrapper;
  for (const std::string& record : all) {
    if (record.starts_with("data/weights/") || record.starts_with("data/constants/")) {
      return Wrong(ErrorCode::kUnsupported, shown,
                   "keeps its weights apart from its code, which is not supported yet");
    }
    if (!record.starts_with(package.folder)) continue;
    package.records.push_back(record);
    if (record.ends_with(".so")) package.library = record;
    if (record.ends_with(".wrapper.cpp")) wrapper = record;
    if (record.ends_with(".wrapper_metadata.json")) {
      package.metadata = json::parse(TextOf(archive, record), nullptr, false);
    }
  }
  if (package.library.empty() || !package.metadata.is_object()) {
    return Wrong(ErrorCode::kInvalidArgument, shown, "has no compiled code in it");
  }
  std::optional<std::vector<AotiInput>> inputs;
  std::optional<AotiBody> body;
  if (!wrapper.empty()) {
    const std::string source = TextOf(archive, wrapper);
    inputs = InputsOfWrapper(source);
    if (inputs) body = BodyOfWrapper(source, *inputs);
  }
  if (!body) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "does not say in its source which sizes it was compiled for, so that a call could "
                 "read past its inputs");
  }
  if (body->writes_weights) {
    return Wrong(ErrorCode::kUnsupported, shown,
                 "keeps state from call to call in its weights or buffers; export it without");
  }
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
        "was compiled for `" + compiled_for + "`, the plan runs it on `" + device.str() + "`");
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

/// Whether an ELF file ends where its headers say. The loader maps what is missing, too, and ends
/// the process when it is read.
bool IsWhole(const void* data, size_t size) {
  Elf64_Ehdr header;
  if (size < sizeof(header)) return false;
  std::memcpy(&header, data, sizeof(header));
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize <= size;
}

/// Everything but the sources; gives the path of the library.
std::filesystem::path Unpack(PyTorchStreamReader& archive, const Package& package,
                             const std::filesystem::path& folder) {
  for (const std::string& record : package.records) {
    if (record.ends_with(".cpp")) continue;
    const auto [data, size] = archive.getRecord(record);
    if (record == package.library && !IsWhole(data.get(), size)) {
      throw std::runtime_error("its code is torn");
    }
    std::ofstream file(folder / FileName(record), std::ios::binary);
    file.write(static_cast<const char*>(data.get()), static_cast<std::streamsize>(size));
    file.close();
    if (!file) throw std::runtime_error("cannot be unpacked to " + folder.string());
  }
  return folder / FileName(package.library);
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

class AotiModel final : public LoadedModel {
 public:
  AotiModel(Package package, std::unique_ptr<AOTIModelContainerRunner> runner,
            std::unique_ptr<TemporaryFolder> folder, c10::Device device)
      : inputs_(std::move(package.inputs)),
        body_(std::move(package.body)),
        folder_(std::move(folder)),
        runner_(std::move(runner)),
        device_(device) {
    const std::vector<std::string> specs = runner_->get_call_spec();
    if (specs.size() != 2 || NumLeaves(SpecOf(specs[0])) != inputs_.size()) {
      throw std::runtime_error("has other inputs than its source checks");
    }
    outputs_ = SpecOf(specs[1]);
    num_outputs_ = NumLeaves(outputs_);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      parameters_.push_back({"input " + std::to_string(i + 1), ModelParameter::Kind::kTensor, false,
                             ToString(inputs_[i])});
    }
  }

  const std::vector<ModelParameter>& parameters() const override { return parameters_; }
  bool writes_inputs() const override { return body_.writes_inputs; }

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
                   const engine::CancelToken& /*cancel*/) const override {
    const c10::InferenceMode inference;
    std::vector<at::Tensor> tensors;
    tensors.reserve(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      tensors.push_back(inputs[i].toTensor().to(device_, /*non_blocking=*/true).contiguous());
      const std::string misfit = Misfit(inputs_[i], tensors.back());
      if (!misfit.empty()) throw std::runtime_error(parameters_[i].name + " " + misfit);
    }
    for (const AotiTie& tie : body_.ties) CheckTie(tie, tensors);
    const std::vector<at::Tensor> leaves = runner_->run(tensors);
    if (leaves.size() != num_outputs_) {
      return c10::ivalue::Tuple::create(std::vector<c10::IValue>(leaves.begin(), leaves.end()));
    }
    auto leaf = leaves.begin();
    return TreeOf(outputs_, leaf);
  }

 private:
  void CheckTie(const AotiTie& tie, const std::vector<at::Tensor>& tensors) const {
    const int64_t size = tensors[tie.input].size(static_cast<int64_t>(tie.dim));
    const int64_t other = tensors[tie.with_input].size(static_cast<int64_t>(tie.with_dim));
    if (size == other) return;
    throw std::runtime_error(parameters_[tie.input].name + " has " + std::to_string(size) +
                             " in dimension " + std::to_string(tie.dim - 1) + ", " +
                             parameters_[tie.with_input].name + " " + std::to_string(other) +
                             ": compiled for the same");
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
  std::unique_ptr<TemporaryFolder> folder_;  // null where the code needs no more of it
  std::unique_ptr<AOTIModelContainerRunner> runner_;
  c10::Device device_;
};

std::unique_ptr<AOTIModelContainerRunner> MakeRunner(const std::filesystem::path& library,
                                                     c10::Device device) {
  const auto& makers = torch::inductor::getAOTIModelRunnerRegistry();
  const auto maker = makers.find(c10::DeviceTypeName(device.type(), /*lower_case=*/true));
  if (maker == makers.end()) throw std::runtime_error("nothing here runs it on " + device.str());
  const size_t num_runners = std::max(1U, std::thread::hardware_concurrency());
  return maker->second(library.string(), num_runners, device.str(), library.parent_path().string(),
                       /*run_single_threaded=*/false);
}

}  // namespace

bool IsAotiPackage(const std::filesystem::path& path) {
  try {
    return PyTorchStreamReader(path.string()).hasRecord("archive_format");
  } catch (const std::exception&) {
    return false;  // whoever reads it as something else says why it is none
  }
}

Result<std::shared_ptr<const LoadedModel>> LoadAotiPackage(const std::filesystem::path& path,
                                                           const std::string& shown,
                                                           const ModelOptions& options,
                                                           c10::Device device) {
  for (const auto& [is_set, setting] :
       {std::pair(options.method != "forward", "method"), std::pair(options.starts_fresh, "state"),
        std::pair(options.dtype.has_value(), "dtype"),
        std::pair(options.num_threads > 0, "threads")}) {
    if (is_set) {
      return Wrong(ErrorCode::kInvalidArgument, shown,
                   std::string("is compiled, so `") + setting + "` cannot be chosen any more");
    }
  }
  try {
    PyTorchStreamReader archive(path.string());
    Result<Package> package = ReadPackage(archive, shown);
    if (!package) return std::move(package).error();
    if (Status checked = CheckMachine(package->metadata, shown, device); !checked) {
      return std::move(checked).error();
    }
    // Compiled code names it, though all that it calls is in libtorch_cpu.
    if (Status opened = OpenTorchLibrary("libtorch.so"); !opened) {
      return Wrong(ErrorCode::kUnavailable, shown, "cannot be run: " + opened.error().message);
    }
    const auto claim = ClaimAll(path, options.load);
    if (!claim && device.is_cpu()) return Wrong(claim.error().code, shown, claim.error().message);
    auto folder = std::make_unique<TemporaryFolder>();
    const std::filesystem::path library = Unpack(archive, *package, folder->path());
    std::unique_ptr<AOTIModelContainerRunner> runner = MakeRunner(library, device);
    if (device.is_cpu()) folder.reset();  // it is mapped; kernels of CUDA are read when first used
    return std::shared_ptr<const LoadedModel>(std::make_shared<AotiModel>(
        *std::move(package), std::move(runner), std::move(folder), device));
  } catch (const std::exception& exception) {
    return Wrong(ErrorCode::kInvalidArgument, shown,
                 "cannot be loaded: " + OneLine(exception.what()));
  }
}

}  // namespace raceway::operators
