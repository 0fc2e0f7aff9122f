// The engine's side of `raceway plugin --probe`: loads a library, come what may.
#include <string>
#include <vector>

#include "operators/plugins/contract_json.h"
#include "operators/plugins/library.h"
#include "tools/raceway/plugins/plugin_request.h"

namespace raceway::tools {

extern "C" void raceway_plugin_contracts(const std::string& path, std::string& contracts) {
  const engine::Result<const operators::PluginLibrary*> library =
      operators::LoadLibrary(path, path);
  contracts = operators::ContractsAsJson(
      library.ok() ? engine::Result<std::vector<engine::FunctionContract>>((*library)->Contracts())
                   : library.error());
}

}  // namespace raceway::tools
