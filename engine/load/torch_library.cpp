#include "engine/load/torch_library.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include <filesystem>

namespace raceway::engine::load {

Status OpenTorchLibrary(const std::string& name) {
  Dl_info torch{};
  ::dladdr(reinterpret_cast<const void*>(&at::detail::getCUDAHooks), &torch);
  std::filesystem::path path = name;
  if (torch.dli_fname != nullptr) {
    path = std::filesystem::path(torch.dli_fname).parent_path() / name;
  }
  if (::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return Done{};
  const char* error = ::dlerror();
  return Error{ErrorCode::kUnavailable, error != nullptr ? error : "cannot open " + path.string()};
}

}  // namespace raceway::engine::load
