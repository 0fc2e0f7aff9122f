#include "tools/raceway/lsp/server.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "tools/raceway/lsp/features.h"

namespace raceway::tools::lsp {
namespace {

// Codes of JSON-RPC and LSP.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr int kInternalError = -32603;
constexpr int kServerNotInitialized = -32002;
constexpr int kRequestFailed = -32803;

constexpr int kEndedWithoutShutdown = 1;

bool IsId(const Json& id) { return id.is_number_integer() || id.is_string(); }

std::string Dump(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What is wrong with parameters, without the library's number of its error.
std::string Misfit(const std::string& method, const Json::exception& error) {
  const std::string_view what = error.what();
  const size_t number = what.find("] ");
  return "the parameters of `" + method + "` are not what the protocol says: " +
         std::string(number == what.npos ? what : what.substr(number + 2));
}

}  // namespace

Server::Server(MessageStream& stream, const engine::Catalog& catalog)
    : stream_(stream), catalog_(catalog) {}

int Server::Run() {
  while (!is_over_ && is_connected_) {
    if (!stream_.HasInput()) PublishNews();
    const MessageStream::Received received = stream_.Next();
    switch (received.status) {
      case MessageStream::Status::kMessage: Handle(received.body); break;
      case MessageStream::Status::kBadHeader:
        SendError(nullptr, kParseError, "this is no header with a Content-Length");
        break;
      case MessageStream::Status::kTooLarge:
        SendError(nullptr, kInvalidRequest, "the message is too large");
        break;
      case MessageStream::Status::kEnd:
      case MessageStream::Status::kEndInside: is_connected_ = false; break;
    }
  }
  return state_ == State::kShutDown ? 0 : kEndedWithoutShutdown;
}

void Server::Handle(const std::string& body) {
  Json message = Json::parse(body, nullptr, false);
  if (message.is_discarded()) return SendError(nullptr, kParseError, "this is no JSON");
  if (!message.is_object()) {
    return SendError(nullptr, kInvalidRequest, "a message is an object; there are no batches");
  }
  const Json id = message.value("id", Json());
  const bool is_answer = message.contains("result") || message.contains("error");
  if (!message.contains("method") && is_answer) return;
  if (!message.contains("method") || !message.at("method").is_string()) {
    return SendError(IsId(id) ? id : Json(), kInvalidRequest, "the message has no method");
  }
  const std::string method = message.at("method");
  const Json params = message.value("params", Json::object());
  if (!message.contains("id")) return HandleNotification(method, params);
  if (!IsId(id)) return SendError(nullptr, kInvalidRequest, "an id is an integer or a string");
  HandleRequest(id, method, params);
}

void Server::HandleRequest(const Json& id, const std::string& method, const Json& params) {
  if (state_ == State::kFresh && method != "initialize") {
    return SendError(id, kServerNotInitialized, "the first request is `initialize`");
  }
  if (state_ == State::kShutDown || (state_ == State::kRunning && method == "initialize")) {
    return SendError(id, kInvalidRequest, "`" + method + "` does not come now");
  }
  try {
    Json result;
    if (method == "initialize") {
      result = Initialize(params);
    } else if (method == "shutdown") {
      state_ = State::kShutDown;
    } else {
      const auto is_it = [&](const Feature& feature) { return feature.method == method; };
      const auto features = AllFeatures();
      const auto feature = std::find_if(features.begin(), features.end(), is_it);
      if (feature == features.end()) {
        return SendError(id, kMethodNotFound, "there is no `" + method + "` here");
      }
      Document* document = Find(params);
      if (document == nullptr) return SendError(id, kInvalidParams, "the document is not open");
      engine::Result<Json> answer =
          feature->answer({*document, document->Analysed(catalog_), catalog_, encoding_, params});
      if (!answer.ok()) return SendError(id, kRequestFailed, answer.error().message);
      result = *std::move(answer);
    }
    Send({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
  } catch (const Json::exception& error) {
    SendError(id, kInvalidParams, Misfit(method, error));
  } catch (const std::exception& error) {
    SendError(id, kInternalError, error.what());
  }
}

void Server::HandleNotification(const std::string& method, const Json& params) {
  if (method == "exit") {
    is_over_ = true;
    return;
  }
  if (state_ != State::kRunning) return;
  try {
    if (method == "textDocument/didOpen") Open(params);
    if (method == "textDocument/didChange") Change(params);
    if (method == "textDocument/didClose") Close(params);
  } catch (const Json::exception& error) {
    // A notification has no answer; the user may look into the log of the editor.
    Send({{"jsonrpc", "2.0"},
          {"method", "window/logMessage"},
          {"params", {{"type", 1}, {"message", Misfit(method, error)}}}});
  }
}

Json Server::Initialize(const Json& params) {
  const Json encodings =
      params.value("/capabilities/general/positionEncodings"_json_pointer, Json::array());
  const bool has_utf8 = encodings.is_array() &&
                        std::find(encodings.begin(), encodings.end(), "utf-8") != encodings.end();
  encoding_ = has_utf8 ? Encoding::kUtf8 : Encoding::kUtf16;
  state_ = State::kRunning;
  return {{"capabilities", Capabilities(encoding_)},
          {"serverInfo", {{"name", "raceway"}, {"version", RACEWAY_VERSION}}}};
}

void Server::Open(const Json& params) {
  const Json& item = params.at("textDocument");
  const std::string uri = item.at("uri");
  Document document(uri, Text(item.at("text").get<std::string>()), item.value("version", Json()));
  documents_.insert_or_assign(uri, std::move(document));
}

void Server::Change(const Json& params) {
  if (Document* document = Find(params)) {
    document->Change(params.at("contentChanges"),
                     params.at("textDocument").value("version", Json()), encoding_);
  }
}

void Server::Close(const Json& params) {
  const std::string uri = params.at("textDocument").at("uri");
  documents_.erase(uri);
  // What the editor shows of it goes with it.
  Send({{"jsonrpc", "2.0"},
        {"method", "textDocument/publishDiagnostics"},
        {"params", {{"uri", uri}, {"diagnostics", Json::array()}}}});
}

void Server::PublishNews() {
  for (auto& [uri, document] : documents_) {
    if (document.TakeIsNew()) Publish(document);
  }
}

void Server::Publish(Document& document) {
  const Analysis& analysis = document.Analysed(catalog_);
  Json params = {{"uri", document.uri()},
                 {"diagnostics", DiagnosticsOf(document, analysis, encoding_)}};
  if (document.version().is_number_integer()) params["version"] = document.version();
  Send({{"jsonrpc", "2.0"},
        {"method", "textDocument/publishDiagnostics"},
        {"params", std::move(params)}});
}

Document* Server::Find(const Json& params) {
  const std::string uri = params.at("textDocument").at("uri");
  const auto found = documents_.find(uri);
  return found == documents_.end() ? nullptr : &found->second;
}

void Server::Send(const Json& message) {
  if (!stream_.Write(Dump(message))) is_connected_ = false;
}

void Server::SendError(const Json& id, int code, const std::string& message) {
  Send({{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}});
}

}  // namespace raceway::tools::lsp
