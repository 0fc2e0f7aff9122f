#include "operators/models/model_file.h"

#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "operators/models/aoti.h"
#include "operators/models/device.h"
#include "operators/models/torchscript.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

Result<std::filesystem::path> Canonical(const std::filesystem::path& path,
                                        const std::string& shown) {
  std::error_code error;
  std::filesystem::path canonical = std::filesystem::canonical(path, error);
  if (!error && std::filesystem::is_regular_file(canonical, error)) return canonical;
  return Error{ErrorCode::kUnavailable,
               "model file " + shown + ": " + (error ? error.message() : "not a file")};
}

/// Then it says what is in the file, wherever that lies.
bool IsSha256(const std::string& hash) { return hash.size() == 64; }

/// The files of a model.
struct ModelFiles {
  std::filesystem::path source;
  std::filesystem::path weights;  // empty: in `source`
};

Result<ModelFiles> FindFiles(const std::filesystem::path& folder, const ModelOptions& options) {
  Result<std::filesystem::path> source = Canonical(folder / options.source, options.source);
  if (!source) return std::move(source).error();
  ModelFiles files{*std::move(source), {}};
  if (options.weights.empty()) return files;
  // Not canonical: an index lists files beside it, whatever it is a link to.
  files.weights = folder / options.weights;
  const Result<std::filesystem::path> there = Canonical(files.weights, options.weights);
  if (!there) return there.error();
  return files;
}

Result<std::shared_ptr<const LoadedModel>> LoadFile(const ModelFiles& files,
                                                    const ModelOptions& options,
                                                    const std::string& device) {
  const std::filesystem::path& path = files.source;
  const Result<c10::Device> found = FindDevice(device);
  if (!found) {
    return Error{found.error().code, "model " + options.name + ": " + found.error().message};
  }
  Result<std::shared_ptr<const LoadedModel>> loaded =
      IsAotiPackage(path) ? LoadAotiPackage(path, files.weights, options, *found)
                          : LoadTorchScript(path, files.weights, options, *found);
  const std::string whole = files.weights.string();
  if (loaded || whole.empty()) return loaded;
  std::string& message = loaded.error().message;
  if (const size_t at = message.find(whole); at != std::string::npos) {
    message.replace(at, whole.size(), options.weights);
  }
  return loaded;
}

/// A place for one model. Whoever finds it being loaded waits; other models are loaded meanwhile.
struct SharedModel {
  std::mutex loading;
  std::weak_ptr<const LoadedModel> model;
};

SharedModel& PlaceOf(const ModelFiles& files, const ModelOptions& options,
                     const std::string& device) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string,
                         std::string, bool, int, bool, uint64_t>;
  static std::mutex mutex;
  static auto* places = new std::map<Key, SharedModel>();
  const int dtype = options.dtype ? static_cast<int>(*options.dtype) : -1;
  const bool streams = options.load.streams;
  // The hash of an index is none of the files that it lists, so their folder counts as well.
  const Key key(IsSha256(options.sha256) ? "" : files.source.string(), options.sha256,
                files.weights.string(), options.weights_sha256, device, options.method,
                options.starts_fresh, dtype, streams, streams ? options.load.max_bytes : 0);
  const std::lock_guard lock(mutex);
  return (*places)[key];
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::filesystem::path& folder,
                                                     const ModelOptions& options,
                                                     const std::string& device) {
  const Result<ModelFiles> files = FindFiles(folder, options);
  if (!files) return files.error();
  return LoadFile(*files, options, device);
}

Result<std::shared_ptr<const LoadedModel>> ShareModel(const std::filesystem::path& folder,
                                                      const ModelOptions& options,
                                                      const std::string& device) {
  const Result<ModelFiles> files = FindFiles(folder, options);
  if (!files) return files.error();
  SharedModel& shared = PlaceOf(*files, options, device);
  const std::lock_guard lock(shared.loading);
  const std::shared_ptr<const LoadedModel> known = shared.model.lock();
  if (known != nullptr && !known->has_failed()) {
    known->Raise(options.load.priority);
    return known;
  }
  Result<std::shared_ptr<const LoadedModel>> loaded = LoadFile(*files, options, device);
  if (loaded) shared.model = *loaded;
  return loaded;
}

}  // namespace raceway::operators
