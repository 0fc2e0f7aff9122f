// `raceway lsp`: what the compiler knows, for editors.
#include <unistd.h>

#include <csignal>

#include "operators/contracts.h"
#include "tools/raceway/command.h"
#include "tools/raceway/lsp/message_stream.h"
#include "tools/raceway/lsp/server.h"

namespace raceway::tools {

int RunLsp() {
  // An editor that is gone shows in what `write` returns.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): there is no other way to say so
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  lsp::MessageStream stream(STDIN_FILENO, STDOUT_FILENO);
  return lsp::Server(stream, catalog).Run();
}

}  // namespace raceway::tools
