#include "tools/raceway/lsp/message_stream.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace raceway::tools::lsp {
namespace {

constexpr int64_t kMaxMessage = int64_t{64} << 20;
constexpr size_t kMaxHeader = 4096;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool IsContentLength(std::string_view name) {
  constexpr std::string_view kName = "content-length";
  return std::equal(name.begin(), name.end(), kName.begin(), kName.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

/// The length that a header gives; none if it gives none, or two.
std::optional<int64_t> ContentLength(std::string_view header) {
  std::optional<int64_t> length;
  while (!header.empty()) {
    const size_t end = std::min(header.find('\n'), header.size());
    const std::string_view line = Trimmed(header.substr(0, end));
    header.remove_prefix(std::min(end + 1, header.size()));
    const size_t colon = line.find(':');
    if (line.empty()) continue;
    if (colon == std::string_view::npos) return std::nullopt;
    if (!IsContentLength(Trimmed(line.substr(0, colon)))) continue;
    const std::string_view text = Trimmed(line.substr(colon + 1));
    int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size() || value < 0 || length) {
      return std::nullopt;
    }
    length = value;
  }
  return length;
}

}  // namespace

bool MessageStream::Fill() {
  if (!is_open_) return false;
  std::array<char, 65536> chunk{};
  ssize_t count = 0;
  do {
    count = ::read(in_, chunk.data(), chunk.size());
  } while (count < 0 && errno == EINTR);
  if (count <= 0) {
    is_open_ = false;
    return false;
  }
  buffer_.append(chunk.data(), static_cast<size_t>(count));
  return true;
}

bool MessageStream::HasInput() const {
  if (!buffer_.empty()) return true;
  pollfd poll_in{in_, POLLIN, 0};
  return is_open_ && ::poll(&poll_in, 1, 0) > 0;
}

/// Takes everything up to the empty line, or the first `kMaxHeader` bytes of what has none.
bool MessageStream::ReadHeader(std::string& header) {
  size_t searched = 0;
  for (;;) {
    const size_t crlf = buffer_.find("\r\n\r\n", searched);
    const size_t lf = buffer_.find("\n\n", searched);
    const size_t end = std::min(crlf, lf);
    if (end != std::string::npos) {
      header = buffer_.substr(0, end);
      buffer_.erase(0, end + (end == crlf ? 4 : 2));
      return true;
    }
    if (buffer_.size() > kMaxHeader) {
      header.clear();
      buffer_.erase(0, kMaxHeader);
      return true;
    }
    searched = buffer_.size() < 3 ? 0 : buffer_.size() - 3;
    if (!Fill()) return false;
  }
}

MessageStream::Received MessageStream::Next() {
  std::string header;
  if (!ReadHeader(header)) return {buffer_.empty() ? Status::kEnd : Status::kEndInside, {}};
  const std::optional<int64_t> length = ContentLength(header);
  if (!length) return {Status::kBadHeader, {}};
  const bool is_kept = *length <= kMaxMessage;
  auto left = static_cast<uint64_t>(*length);
  while (buffer_.size() < left) {
    if (!is_kept) {
      left -= buffer_.size();
      buffer_.clear();
    }
    if (!Fill()) return {Status::kEndInside, {}};
  }
  Received received{is_kept ? Status::kMessage : Status::kTooLarge, {}};
  if (is_kept) received.body = buffer_.substr(0, left);
  buffer_.erase(0, left);
  return received;
}

bool MessageStream::Write(const std::string& body) {
  const std::string message = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  size_t written = 0;
  while (written < message.size()) {
    const ssize_t count = ::write(out_, message.data() + written, message.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    written += static_cast<size_t>(count);
  }
  return true;
}

}  // namespace raceway::tools::lsp
