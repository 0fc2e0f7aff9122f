// What an engine does to the process it lives in: nothing.
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/library/flows.h"

namespace raceway::tests {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

std::vector<void*> SignalHandlers() {
  std::vector<void*> handlers;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0) {
      handlers.push_back(reinterpret_cast<void*>(action.sa_sigaction));
    }
  }
  return handlers;
}

size_t NumThreads() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& thread :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

TEST(HostTest, NothingOfTheProcessIsChanged) {
  const std::vector<std::string> environment = Environment();
  const std::vector<void*> handlers = SignalHandlers();
  const int num_threads = at::get_num_threads();
  {
    Engine engine = *Engine::Start();
    const Flow flow = *engine.Deploy(PlanOf(kTwice));
    EXPECT_TRUE(flow.Run(TwiceRows()).ok());
    EXPECT_TRUE(flow.Submit(TwiceRows()).get().ok());
    EXPECT_EQ(at::get_num_threads(), num_threads);
  }
  EXPECT_EQ(Environment(), environment);
  EXPECT_EQ(SignalHandlers(), handlers);
  EXPECT_EQ(at::get_num_threads(), num_threads);
}

/// Where userfaultfd is there nothing needs it (tests/engine/load has the other case).
TEST(HostTest, AHandlerThatIsAllowedIsNotInstalledForNothing) {
  const std::vector<void*> handlers = SignalHandlers();
  AllowSegvHandler();
  Engine engine = *Engine::Start();
  EXPECT_TRUE((*engine.Deploy(PlanOf(kTwice))).Run(TwiceRows()).ok());
  EXPECT_EQ(SignalHandlers(), handlers);
}

/// TBB lets a process have as many threads as it has cores, the caller's among them.
TEST(HostTest, NoMoreWorkersThanTbbAllows) {
  cpu_set_t cores;
  ASSERT_EQ(::sched_getaffinity(0, sizeof cores, &cores), 0);
  const int allowed = std::max(1, CPU_COUNT(&cores) - 1);
  for (const int wanted : {0, 1, 2, 1000}) {
    const int num_workers = Engine::Start({.num_workers = wanted})->num_workers();
    EXPECT_EQ(num_workers, wanted == 0 ? allowed : std::min(wanted, allowed)) << wanted;
  }
}

TEST(HostTest, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_THAT(ErrorOf(Engine::Start({.num_workers = -1})),
              HasSubstr("`num_workers` is -1, not from 0 to 1024"));
  EXPECT_FALSE(Engine::Start({.num_workers = 100000}).ok());
}

TEST(HostTest, SeveralEnginesWorkSideBySide) {
  std::vector<Engine> engines;
  std::vector<Flow> flows;
  const Plan plan = PlanOf(kTwice);
  for (int i = 0; i < 3; ++i) {
    engines.push_back(*Engine::Start({.num_workers = 1 + i}));
    flows.push_back(*engines.back().Deploy(plan));
  }
  std::vector<std::future<Result<Table>>> answers;
  for (int i = 0; i < 300; ++i)
    answers.push_back(flows[static_cast<size_t>(i % 3)].Submit(TwiceRows()));
  engines.erase(engines.begin());
  for (std::future<Result<Table>>& answer : answers) EXPECT_TRUE(answer.get().ok());
  EXPECT_TRUE(flows[2].Run(TwiceRows()).ok());
}

TEST(HostTest, EnginesComeAndGo) {
  const Plan plan = PlanOf(kTwice);
  const auto once = [&] {
    Engine engine = *Engine::Start({.num_workers = 2});
    const Flow flow = *engine.Deploy(plan);
    EXPECT_TRUE(flow.Submit(TwiceRows()).get().ok());
  };
  for (int i = 0; i < 5; ++i) once();
  const size_t before = NumThreads();
  for (int i = 0; i < 100; ++i) once();
  EXPECT_LE(NumThreads(), before + 2);
}

/// What `child` says, in a process of its own; "hangs" if it does not end.
std::string InChild(const std::function<std::string()>& child) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return "no pipe";
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(20);
    const std::string text = child();
    const ssize_t written = ::write(pipe[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(pipe[1]);
  std::string said;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::read(pipe[0], buffer.data(), buffer.size())) > 0;) {
    said.append(buffer.data(), static_cast<size_t>(count));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? said : "hangs or crashes";
}

TEST(HostTest, AForkedChildIsToldInsteadOfLeftHanging) {
  Engine engine = *Engine::Start({.num_workers = 2});
  const Flow flow = *engine.Deploy(PlanOf(kTwice));
  ASSERT_TRUE(flow.Run(TwiceRows()).ok());
  const Plan plan = PlanOf(kTwice);
  constexpr char kWhy[] = "cannot work in this process: it was forked from one";
  EXPECT_THAT(InChild([&] { return ErrorOf(flow.Run(TwiceRows())); }), HasSubstr(kWhy));
  EXPECT_THAT(InChild([&] { return ErrorOf(flow.Submit(TwiceRows()).get()); }), HasSubstr(kWhy));
  EXPECT_THAT(InChild([&] { return ErrorOf(engine.Deploy(plan)); }), HasSubstr(kWhy));
  EXPECT_THAT(InChild([&] { return ErrorOf(Engine::Start()); }), HasSubstr(kWhy));
  // It may let go of what it has inherited.
  EXPECT_EQ(InChild([&] {
              const Engine inherited = std::move(engine);
              return std::string("fine");
            }),
            "fine");
  EXPECT_TRUE(flow.Run(TwiceRows()).ok());
}

}  // namespace
}  // namespace raceway::tests
