#pragma once

#include <map>
#include <string>

#include "engine/catalog.h"
#include "tools/raceway/lsp/document.h"
#include "tools/raceway/lsp/message_stream.h"

namespace raceway::tools::lsp {

/// The language server: one client, messages in their order, answers as the text is then.
///
/// Mistakes are published when there is nothing more to read, so that a burst of changes costs one
/// look at the text.
class Server {
 public:
  /// Both must outlive the server.
  Server(MessageStream& stream, const engine::Catalog& catalog);

  /// Serves until `exit` or the end of the input; the exit code of the process.
  int Run();

 private:
  enum class State { kFresh, kRunning, kShutDown };

  void Handle(const std::string& body);
  void HandleRequest(const Json& id, const std::string& method, const Json& params);
  void HandleNotification(const std::string& method, const Json& params);
  Json Initialize(const Json& params);

  void Open(const Json& params);
  void Change(const Json& params);
  void Close(const Json& params);
  void PublishNews();
  void Publish(Document& document);

  /// The open document that `params.textDocument` names; null if it is not open.
  Document* Find(const Json& params);
  void Send(const Json& message);
  void SendError(const Json& id, int code, const std::string& message);

  MessageStream& stream_;
  const engine::Catalog& catalog_;
  State state_ = State::kFresh;
  bool is_over_ = false;
  bool is_connected_ = true;
  Encoding encoding_ = Encoding::kUtf16;
  std::map<std::string, Document> documents_;  // by URI
};

}  // namespace raceway::tools::lsp
