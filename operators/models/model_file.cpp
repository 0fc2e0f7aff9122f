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

Result<std::shared_ptr<const LoadedModel>> LoadFile(const std::filesystem::path& path,
                                                    const ModelOptions& options,
                                                    const std::string& device) {
  const Result<c10::Device> found = FindDevice(device);
  if (!found) {
    return Error{found.error().code, "model " + options.name + ": " + found.error().message};
  }
  if (IsAotiPackage(path)) return LoadAotiPackage(path, options.source, options, *found);
  return LoadTorchScript(path, options.source, options, *found);
}

/// A place for one model. Whoever finds it being loaded waits; other models are loaded meanwhile.
struct SharedModel {
  std::mutex loading;
  std::weak_ptr<const LoadedModel> model;
};

SharedModel& PlaceOf(const std::filesystem::path& path, const ModelOptions& options,
                     const std::string& device) {
  using Key =
      std::tuple<std::string, std::string, std::string, std::string, bool, int, bool, uint64_t>;
  static std::mutex mutex;
  static auto* places = new std::map<Key, SharedModel>();
  const int dtype = options.dtype ? static_cast<int>(*options.dtype) : -1;
  const bool streams = options.load.streams;
  const Key key(IsSha256(options.sha256) ? "" : path.string(), options.sha256, device,
                options.method, options.starts_fresh, dtype, streams,
                streams ? options.load.max_bytes : 0);
  const std::lock_guard lock(mutex);
  return (*places)[key];
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadModel(const std::filesystem::path& folder,
                                                     const ModelOptions& options,
                                                     const std::string& device) {
  const Result<std::filesystem::path> path = Canonical(folder / options.source, options.source);
  if (!path) return path.error();
  return LoadFile(*path, options, device);
}

Result<std::shared_ptr<const LoadedModel>> ShareModel(const std::filesystem::path& folder,
                                                      const ModelOptions& options,
                                                      const std::string& device) {
  const Result<std::filesystem::path> path = Canonical(folder / options.source, options.source);
  if (!path) return path.error();
  SharedModel& shared = PlaceOf(*path, options, device);
  const std::lock_guard lock(shared.loading);
  const std::shared_ptr<const LoadedModel> known = shared.model.lock();
  if (known != nullptr && !known->has_failed()) {
    known->Raise(options.load.priority);
    return known;
  }
  Result<std::shared_ptr<const LoadedModel>> loaded = LoadFile(*path, options, device);
  if (loaded) shared.model = *loaded;
  return loaded;
}

}  // namespace raceway::operators
