// The process that may die of a library: loads it, come what may, and says what is in it.
//
//   raceway_plugin_probe LIBRARY 3>answer
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "operators/plugins/contract_json.h"
#include "operators/plugins/library.h"
#include "tools/raceway/fail.h"
#include "tools/raceway/plugins/probe.h"

namespace raceway::tools {
namespace {

std::string ContractsOf(const std::string& file) {
  const engine::Result<const operators::PluginLibrary*> library =
      operators::LoadLibrary(file, file);
  if (!library) return operators::ContractsAsJson(library.error());
  return operators::ContractsAsJson((*library)->Contracts());
}

bool Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(kProbeDescriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace
}  // namespace raceway::tools

int main(int argc, char** argv) {
  if (argc != 2) return raceway::tools::kUsage;
  // Whoever started it and is gone wants no answer; a library that hangs must not stay behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool is_said = raceway::tools::Write(raceway::tools::ContractsOf(argv[1]));
  // All that counts is said: what the library does at its end is another matter.
  ::_exit(is_said ? raceway::tools::kFine : raceway::tools::kMachineLacks);
}
