#include "tools/raceway/plugins/probe.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "operators/plugins/contract_json.h"
#include "operators/plugins/library_file.h"
#include "tools/raceway/plugins/contract_cache.h"

extern char** environ;

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::FunctionContract;
using engine::Result;
using Clock = std::chrono::steady_clock;
using Contracts = Result<std::vector<FunctionContract>>;

constexpr int kDefaultSeconds = 20;
constexpr size_t kMostText = 1 << 24;

std::chrono::seconds Limit() {
  const char* text = std::getenv("RACEWAY_PLUGIN_SECONDS");
  const int seconds = text == nullptr ? 0 : std::atoi(text);
  return std::chrono::seconds(seconds > 0 ? seconds : kDefaultSeconds);
}

/// The folder of the program or library that this code is part of.
std::filesystem::path OwnFolder() {
  Dl_info info;
  void* found = nullptr;
  const auto* here = reinterpret_cast<const void*>(&OwnFolder);
  const bool is_found = ::dladdr1(here, &info, &found, RTLD_DL_LINKMAP) != 0;
  const char* name = is_found ? static_cast<const link_map*>(found)->l_name : "";
  std::error_code ignored;
  // The loader has no name for the program itself.
  const std::filesystem::path file = *name == '\0' ? "/proc/self/exe" : name;
  return std::filesystem::canonical(file, ignored).parent_path();
}

Error CannotLook(const std::string& shown, const std::string& why) {
  return {ErrorCode::kFailed, "cannot look into `" + shown + "`: " + why};
}

Result<std::filesystem::path> ProbeProgram(const std::string& shown) {
  if (const char* named = std::getenv("RACEWAY_PLUGIN_PROBE")) return std::filesystem::path(named);
  const std::filesystem::path own = OwnFolder();
  std::error_code ignored;
  for (const char* beside : {".", "../libexec/raceway", "../../libexec/raceway"}) {
    const std::filesystem::path program = (own / beside / kProbeProgram).lexically_normal();
    if (std::filesystem::exists(program, ignored)) return program;
  }
  return CannotLook(shown, "the program `" + std::string(kProbeProgram) +
                               "`, which tries libraries, is neither in `" + own.string() +
                               "` nor in libexec/raceway beside it; set RACEWAY_PLUGIN_PROBE to " +
                               "where it is");
}

/// Two ends of a pipe that close at the end.
struct Pipe {
  std::array<int, 2> ends{-1, -1};

  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) ends = {-1, -1};
  }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  void CloseWriting() { ::close(std::exchange(ends[1], -1)); }
};

/// A process that loads a library, and what it says.
class Probe {
 public:
  Probe(std::string program, std::string file) {
    if (answer_.ends[0] < 0 || said_.ends[0] < 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // What a library prints is nobody's business, but for its last words.
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, said_.ends[1], STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, answer_.ends[1], kProbeDescriptor);
    // A group of its own, so that whatever it starts ends with it.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::array<char*, 3> words = {program.data(), file.data(), nullptr};
    const int failed =
        ::posix_spawn(&child_, program.c_str(), &actions, &attributes, words.data(), environ);
    if (failed != 0) {
      child_ = -1;
      errno = failed;
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    answer_.CloseWriting();
    said_.CloseWriting();
  }
  ~Probe() {
    if (child_ > 0) {
      Wait(Clock::now());
    }
  }
  Probe(const Probe&) = delete;

  bool is_running() const { return child_ > 0; }

  /// Reads until the process has said all; false once `limit` has passed.
  bool Read(Clock::time_point limit) {
    std::array<pollfd, 2> ready = {pollfd{answer_.ends[0], POLLIN, 0},
                                   pollfd{said_.ends[0], POLLIN, 0}};
    // The answer is whole at its end, whoever may still hold the other pipe.
    while (ready[0].fd >= 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now()).count();
      const int polled = left > 0 ? ::poll(ready.data(), ready.size(), static_cast<int>(left)) : 0;
      if (polled < 0 && errno == EINTR) continue;
      if (polled <= 0) return false;
      for (size_t i = 0; i < ready.size(); ++i) {
        if (ready[i].fd < 0 || ready[i].revents == 0) continue;
        if (!ReadSome(ready[i].fd, i == 0 ? answer : said)) ready[i].fd = -1;
      }
    }
    return true;
  }

  /// "Segmentation fault" or "exit code 3"; "killed" where it does not end by `limit`.
  std::string Ended(Clock::time_point limit) {
    const int status = Wait(limit);
    if (WIFSIGNALED(status)) return ::strsignal(WTERMSIG(status));
    return "exit code " + std::to_string(WEXITSTATUS(status));
  }

  std::string answer;
  std::string said;

 private:
  /// False at the end, and where there is more than anybody should have to say.
  static bool ReadSome(int descriptor, std::string& text) {
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0 || text.size() > kMostText) return false;
    text.append(buffer.data(), static_cast<size_t>(count));
    return true;
  }

  /// A library may close its pipe and go on: from `limit` on it is killed.
  int Wait(Clock::time_point limit) {
    constexpr std::chrono::milliseconds kPause{5};
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0 && Clock::now() < limit) {
      std::this_thread::sleep_for(kPause);
    }
    ::kill(-child_, SIGKILL);
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    return status;
  }

  Pipe answer_;
  Pipe said_;
  pid_t child_ = -1;
};

/// The last line with letters in it, as far as a terminal may show it.
std::string LastWords(std::string said) {
  constexpr size_t kMost = 200;
  while (!said.empty()) {
    const size_t end = said.find_last_not_of(" \n\r\t");
    if (end == std::string::npos) return "";
    said.resize(end + 1);
    const size_t begin = said.find_last_of('\n') + 1;
    std::string line = said.substr(said.find_first_not_of(" \t", begin));
    if (line.size() > kMost) line.resize(kMost);
    std::erase_if(line, [](unsigned char c) { return c < 0x20 || c > 0x7e; });
    if (!line.empty()) return line;
    said.resize(begin);
  }
  return "";
}

Contracts Run(const std::filesystem::path& program, const std::filesystem::path& path,
              const std::string& shown) {
  Probe probe(program.string(), path.string());
  if (!probe.is_running()) {
    return CannotLook(shown, "cannot start `" + program.string() + "`: " + std::strerror(errno));
  }
  const std::chrono::seconds limit = Limit();
  const Clock::time_point end = Clock::now() + limit;
  if (!probe.Read(end)) {
    return Error{ErrorCode::kFailed, "`" + shown + "` is not done with loading after " +
                                         std::to_string(limit.count()) +
                                         (limit.count() == 1 ? " second" : " seconds")};
  }
  Contracts contracts = operators::ContractsFromJson(probe.answer);
  if (contracts.ok() || contracts.error().code != ErrorCode::kInternal) return contracts;
  const std::string ended = probe.Ended(end);
  const std::string words = LastWords(probe.said);
  return Error{ErrorCode::kFailed, "`" + shown + "` ends its process when it is loaded: " + ended +
                                       (words.empty() ? "" : " (" + words + ")")};
}

/// Libraries of this process that had something wrong: path and hash → what.
struct KnownToFail {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, Error> all;
};

}  // namespace

Contracts FunctionsIn(const std::filesystem::path& path, const std::string& shown,
                      Probing probing) {
  static KnownToFail known;
  const Result<operators::LibraryFile> file = operators::ReadLibraryFile(path, shown);
  if (!file) return file.error();
  if (auto cached = CachedContracts(file->sha256)) return *std::move(cached);
  if (probing == Probing::kNever) {
    return Error{ErrorCode::kInvalidArgument,
                 "nobody has looked into `" + shown + "` yet; `raceway check` does, by loading it"};
  }
  const Result<std::filesystem::path> program = ProbeProgram(shown);
  if (!program) return program.error();
  const std::lock_guard lock(known.mutex);
  const std::pair key(path.string(), file->sha256);
  if (const auto found = known.all.find(key); found != known.all.end()) return found->second;
  Contracts contracts = Run(*program, path, shown);
  if (contracts.ok()) {
    CacheContracts(file->sha256, *contracts);
  } else {
    known.all.emplace(key, contracts.error());
  }
  return contracts;
}

}  // namespace raceway::tools
