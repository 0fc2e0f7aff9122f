#include "tools/bench/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "bench: " << what << "\n";
  std::exit(1);
}

std::array<int, 2> OpenPipe() {
  std::array<int, 2> ends = {-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) Fail("cannot open a pipe");
  return ends;
}

}  // namespace

Process::Process(std::vector<std::string> argv, Io io) : name_(argv.front()) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  int child_in = -1;
  int child_out = -1;
  if (io == Io::kTalks) {
    const auto [in_read, in_write] = OpenPipe();
    const auto [out_read, out_write] = OpenPipe();
    in_ = in_write;
    out_ = out_read;
    child_in = in_read;
    child_out = out_write;
    ::posix_spawn_file_actions_adddup2(&actions, child_in, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, child_out, STDOUT_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  if (::posix_spawn(&pid_, words[0], &actions, nullptr, words.data(), environ) != 0) {
    Fail("cannot start " + name_ + ", which tools/test builds");
  }
  ::posix_spawn_file_actions_destroy(&actions);
  if (child_in >= 0) ::close(child_in);
  if (child_out >= 0) ::close(child_out);
}

Process::~Process() {
  if (in_ >= 0) ::close(in_);
  if (out_ >= 0) ::close(out_);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(in_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) Fail(name_ + " does not listen");
    text.remove_prefix(static_cast<size_t>(count));
  }
}

void Process::FillBuffer() {
  std::array<char, 1 << 16> bytes;
  ssize_t count = 0;
  do {
    count = ::read(out_, bytes.data(), bytes.size());
  } while (count < 0 && errno == EINTR);
  if (count <= 0) Fail(name_ + " ended without an answer");
  buffer_.append(bytes.data(), static_cast<size_t>(count));
}

std::string Process::Read(size_t count) {
  while (buffer_.size() < count) FillBuffer();
  std::string text = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return text;
}

std::string Process::ReadLine() {
  size_t end = 0;
  while ((end = buffer_.find('\n')) == std::string::npos) FillBuffer();
  std::string line = Read(end + 1);
  line.pop_back();
  return line;
}

int Process::Wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

double MillisecondsOf(const std::vector<std::string>& argv) {
  return NanosecondsPer(1,
                        [&] {
                          const int code = Process(argv, Process::Io::kNone).Wait();
                          if (code != 0) Fail(argv.front() + " ended with " + std::to_string(code));
                        }) /
         1e6;
}

}  // namespace raceway::bench
