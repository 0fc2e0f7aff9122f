#include "operators/models/device.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <charconv>

#include "engine/load/first_line.h"
#include "engine/load/torch_library.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

/// It registers its kernels when it is opened. Before anybody asks for the hooks: the first who
/// does decides for the whole process whether there are any.
const engine::Status& OpenCuda() {
  static const engine::Status kOpened = engine::load::OpenTorchLibrary("libtorch_cuda.so");
  return kOpened;
}

/// How many CUDA devices there are, or why none.
Result<int> NumCudaDevices() {
  if (!OpenCuda()) return OpenCuda().error();
  try {
    const at::CUDAHooksInterface& cuda = at::detail::getCUDAHooks();
    if (!cuda.hasCUDA()) return Error{ErrorCode::kUnavailable, "LibTorch finds none"};
    return static_cast<int>(cuda.deviceCount());
  } catch (const std::exception& exception) {
    return Error{ErrorCode::kUnavailable, engine::load::FirstLine(exception.what())};
  }
}

}  // namespace

Result<c10::Device> FindDevice(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  int index = 0;
  bool is_cuda = name == "cuda";
  if (name.starts_with("cuda:")) {
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + 5, end, index);
    is_cuda = error == std::errc() && rest == end && index >= 0 && index < 128;
  }
  if (!is_cuda) {
    return Error{ErrorCode::kUnsupported,
                 "no device is called `" + name + "`; there are `cpu`, `cuda` and `cuda:1`"};
  }
  const Result<int> count = NumCudaDevices();
  if (!count) {
    return Error{ErrorCode::kUnavailable, "no CUDA device here: " + count.error().message};
  }
  if (index >= *count) {
    return Error{ErrorCode::kUnavailable, "no CUDA device " + std::to_string(index) +
                                              " here: there are " + std::to_string(*count)};
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

Result<std::string> FirstDevice(const std::vector<std::string>& names) {
  Error missing{ErrorCode::kInvalidArgument, "no device is named"};
  for (const std::string& name : names) {
    Result<c10::Device> device = FindDevice(name);
    if (device) return name;
    missing = std::move(device).error();
  }
  return missing;
}

}  // namespace raceway::operators
