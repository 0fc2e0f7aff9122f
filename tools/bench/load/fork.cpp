#include "tools/bench/load/fork.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string_view>

namespace raceway::bench {
namespace {

size_t CountThreads() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(threads), end(threads)));
}

/// False if others than this thread do not end. Those of a ring outlast it by moments.
bool IsAlone() {
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (CountThreads() == 1) return true;
    ::usleep(10'000);
  }
  return false;
}

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;  // the bench is gone
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
}

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 1 << 16> bytes;
  while (true) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(bytes.data(), static_cast<size_t>(count));
  }
}

[[noreturn]] void AnswerAndExit(const std::function<nlohmann::json()>& work, int fd) {
  int code = 0;
  try {
    WriteAll(fd, work().dump());
  } catch (const std::exception& exception) {
    std::cerr << "bench load: " << exception.what() << std::endl;
    code = 1;
  }
  ::_exit(code);  // what belongs to the bench is not for this process to end
}

}  // namespace

void Stop(const std::string& why, int code) {
  std::cerr << "bench load: " << why << std::endl;
  ::_exit(code);  // nothing to tidy up, whoever calls: the bench, or a fork of it
}

nlohmann::json InFork(const std::function<nlohmann::json()>& work) {
  if (!IsAlone()) Stop("forks with other threads running");
  std::array<int, 2> ends = {-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) Stop("cannot open a pipe");
  std::cout.flush();
  const pid_t pid = ::fork();
  if (pid < 0) Stop("cannot fork");
  if (pid == 0) {
    ::close(ends[0]);
    AnswerAndExit(work, ends[1]);
  }
  ::close(ends[1]);
  const std::string text = ReadAll(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) Stop("a load ended by signal " + std::to_string(WTERMSIG(status)));
  if (const int code = WEXITSTATUS(status); code != 0) Stop("a load failed, see above", code);
  return nlohmann::json::parse(text);
}

}  // namespace raceway::bench
