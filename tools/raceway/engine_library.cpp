#include "tools/raceway/engine_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tools/raceway/fail.h"
#include "tools/raceway/run_request.h"

namespace raceway::tools {

void* EngineFunction(const char* name) {
  // LibTorch's threads spin while they wait unless told otherwise before they start, and then
  // they take the cores from each other. This is our own process, so we may say so.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto beside = program.parent_path().parent_path() / "lib" / kRunLibrary;
  void* library =
      ::dlopen(std::filesystem::exists(beside, ignored) ? beside.c_str() : kRunLibrary, RTLD_NOW);
  if (library == nullptr) {
    Fail(kMachineLacks, std::string("cannot open the engine: ") + ::dlerror());
    return nullptr;
  }
  void* function = ::dlsym(library, name);
  if (function == nullptr) Fail(kMachineLacks, "the engine's library is of another version");
  return function;
}

}  // namespace raceway::tools
