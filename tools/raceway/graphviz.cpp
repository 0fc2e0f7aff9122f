#include "tools/raceway/graphviz.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;

Error Unavailable(const std::string& message) { return {ErrorCode::kUnavailable, message}; }

/// A pipe whose ends are closed at the end.
struct Pipe {
  Pipe() { is_open = ::pipe2(ends.data(), O_CLOEXEC) == 0; }
  ~Pipe() {
    CloseReading();
    CloseWriting();
  }
  Pipe(const Pipe&) = delete;

  void CloseReading() { Close(ends[0]); }
  void CloseWriting() { Close(ends[1]); }
  static void Close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }

  std::array<int, 2> ends = {-1, -1};  // reading, writing
  bool is_open = false;
};

/// False if the other side stopped reading.
bool WriteAll(int descriptor, const std::string& text) {
  for (size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    written += static_cast<size_t>(count);
  }
  return true;
}

std::string ReadAll(int descriptor) {
  std::string text;
  std::array<char, 1 << 14> buffer;
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace

Result<std::string> DrawSvg(const std::string& graph) {
  Pipe to_dot;
  Pipe from_dot;
  if (!to_dot.is_open || !from_dot.is_open) return Unavailable("cannot open a pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to_dot.ends[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, from_dot.ends[1], STDOUT_FILENO);
  std::string program = "dot";
  std::string form = "-Tsvg";
  std::array<char*, 3> argv = {program.data(), form.data(), nullptr};
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, "dot", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Unavailable(std::string("cannot start Graphviz's `dot`: ") + std::strerror(error) +
                       "; install graphviz, or print the graph with --graph=dot");
  }
  to_dot.CloseReading();
  from_dot.CloseWriting();
  // `dot` reads the whole graph before it draws. If it ends early, its exit status says so.
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  WriteAll(to_dot.ends[1], graph);
  to_dot.CloseWriting();
  std::signal(SIGPIPE, handler);
  std::string drawing = ReadAll(from_dot.ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || drawing.empty()) {
    return Unavailable("Graphviz's `dot` failed");
  }
  return drawing;
}

}  // namespace raceway::tools
