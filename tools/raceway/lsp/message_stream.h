#pragma once

#include <cstddef>
#include <string>

namespace raceway::tools::lsp {

/// The base protocol of LSP over two file descriptors: `Content-Length: n`, an empty line, and n
/// bytes of JSON.
///
/// Limits   a message has at most 64 MiB; a longer one is read and thrown away
/// Threads  one thread uses it
class MessageStream {
 public:
  enum class Status {
    kMessage,
    kBadHeader,  // what came is no header; the next one is looked for behind its empty line
    kTooLarge,
    kEnd,        // the other side closed between two messages
    kEndInside,  // … in the middle of one
  };

  struct Received {
    Status status = Status::kEnd;
    std::string body;  // of a message
  };

  /// The descriptors must outlive the stream, which does not close them.
  MessageStream(int in, int out) : in_(in), out_(out) {}

  /// Waits for the next message.
  Received Next();
  /// Whether there is something to read without waiting.
  bool HasInput() const;
  /// False once the other side does not read any more.
  bool Write(const std::string& body);

 private:
  bool Fill();
  bool ReadHeader(std::string& header);

  int in_;
  int out_;
  std::string buffer_;
  bool is_open_ = true;
};

}  // namespace raceway::tools::lsp
