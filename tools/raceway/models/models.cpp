// The engine's side of `raceway check --models`: models run on zeros, each in its own process.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "operators/dry_run.h"
#include "tools/raceway/models/dry_run_json.h"
#include "tools/raceway/models/models_request.h"

namespace raceway::tools {
namespace {

using engine::DryRun;
using engine::DryRunModel;
using engine::DryRunTrial;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using Clock = std::chrono::steady_clock;

void WriteAll(int descriptor, const std::string& text) {
  for (size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    written += static_cast<size_t>(count);
  }
}

/// What models print is nobody's business here.
void Silence() {
  const int nothing = ::open("/dev/null", O_WRONLY);
  if (nothing < 0) return;
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(nothing, STDERR_FILENO);
  ::close(nothing);
}

/// Everything up to the end of what comes, or null once `limit` has passed.
std::optional<std::string> ReadUntil(int descriptor, Clock::time_point limit) {
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now()).count();
    pollfd ready{descriptor, POLLIN, 0};
    const int polled = left > 0 ? ::poll(&ready, 1, static_cast<int>(left)) : 0;
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return std::nullopt;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

/// How the process `child` ended; it is gone afterwards.
std::string WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return "it ended its process";
  return std::string("it ended its process: ") + ::strsignal(WTERMSIG(status));
}

class ForkingReader final : public compiler::ModelReader {
 public:
  explicit ForkingReader(ModelsRequest request) : request_(std::move(request)) {}

  Result<DryRun> RunOnZeros(const DryRunModel& model,
                            std::span<const DryRunTrial> trials) override {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return NoProcess();
    std::fflush(nullptr);  // else the child has it, too
    // No thread of LibTorch runs yet: this process only ever opened the library.
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      Silence();
      WriteAll(pipe[1], DryRunAsJson(operators::RunOnZeros(request_.base_dir, model, trials)));
      ::_exit(0);
    }
    ::close(pipe[1]);
    Result<DryRun> run = child < 0 ? NoProcess() : ResultOf(child, pipe[0], model.path);
    ::close(pipe[0]);
    return run;
  }

 private:
  static Error NoProcess() {
    return {ErrorCode::kFailed, std::string("cannot start a process: ") + std::strerror(errno)};
  }

  Result<DryRun> ResultOf(pid_t child, int descriptor, const std::string& path) const {
    const std::optional<std::string> text = ReadUntil(descriptor, Clock::now() + request_.limit);
    if (!text) {
      ::kill(child, SIGKILL);
      WaitFor(child);
      return Error{ErrorCode::kDeadlineExceeded,
                   "`" + path + "` was not done after " + std::to_string(request_.limit.count()) +
                       (request_.limit.count() == 1 ? " second" : " seconds") + " on zeros"};
    }
    const std::string ended = WaitFor(child);
    Result<DryRun> run = DryRunFromJson(*text);
    if (run.ok() || run.error().code != ErrorCode::kInternal) return run;
    return Error{ErrorCode::kFailed, "`" + path + "` fails on zeros: " + ended};
  }

  ModelsRequest request_;
};

}  // namespace

extern "C" void raceway_models(const ModelsRequest& request,
                               std::unique_ptr<compiler::ModelReader>& reader) {
  reader = std::make_unique<ForkingReader>(request);
}

}  // namespace raceway::tools
