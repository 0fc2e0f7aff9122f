// The engine as a guest in a process: what it finds there it leaves as it is, however often it
// comes and goes, and in a child that was forked off it says that it cannot work.
#include <ATen/Parallel.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/exec/forks.h"
#include "tests/engine/flows.h"
#include "tests/support/resident.h"

extern char** environ;

namespace raceway::engine {
namespace {

using testing::Add;
using testing::FlowBuilder;
using testing::Rows;
using testing::TextOf;
using namespace std::chrono_literals;
using tests::ResidentBytes;

constexpr Port kInput = FlowBuilder::kInput;

PhysicalPlan Diamond() {
  FlowBuilder builder;
  const Port a = builder.Then(kInput, Add(1), true);
  const Port b = builder.Then(kInput, Add(2), true);
  builder.Merge({a, b});
  return builder.Build();
}

/// A short life of an engine.
void LiveOnce(const PhysicalPlan& plan, int num_workers) {
  Engine engine({.num_workers = num_workers, .factories = FlowBuilder::Factories()});
  Result<FlowHandle> flow = engine.Deploy(plan, ".");
  ASSERT_TRUE(flow.ok());
  std::future<Result<Batch>> submitted = engine.Submit(**flow, Rows({5}));
  EXPECT_EQ(TextOf(engine.Run(**flow, Rows({1}))), "2 3");
  EXPECT_EQ(TextOf(submitted.get()), "6 7");
}

int64_t NumEntries(const char* folder) {
  int64_t count = 0;
  DIR* const dir = ::opendir(folder);
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}

/// What a host would mind if it changed.
struct Surroundings {
  std::vector<std::string> environment;
  std::array<struct sigaction, 65> handlers = {};
  sigset_t mask = {};
  int num_torch_threads = at::get_num_threads();
  size_t tbb_parallelism =
      tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
  size_t tbb_stack = tbb::global_control::active_value(tbb::global_control::thread_stack_size);

  Surroundings() {
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    for (int signal = 1; signal < 65; ++signal) {
      ::sigaction(signal, nullptr, &handlers[static_cast<size_t>(signal)]);
    }
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  }

  void ExpectSame(const Surroundings& other) const {
    EXPECT_EQ(environment, other.environment);
    for (size_t i = 1; i < handlers.size(); ++i) {
      EXPECT_EQ(handlers[i].sa_handler, other.handlers[i].sa_handler) << "signal " << i;
      EXPECT_EQ(handlers[i].sa_flags, other.handlers[i].sa_flags) << "signal " << i;
    }
    for (int signal = 1; signal < 65; ++signal) {
      EXPECT_EQ(::sigismember(&mask, signal), ::sigismember(&other.mask, signal));
    }
    EXPECT_EQ(num_torch_threads, other.num_torch_threads);
    EXPECT_EQ(tbb_parallelism, other.tbb_parallelism);
    EXPECT_EQ(tbb_stack, other.tbb_stack);
  }
};

TEST(GuestTest, LeavesTheProcessAsItIs) {
  const PhysicalPlan plan = Diamond();
  const Surroundings before;
  {
    Engine one({.num_workers = 7, .factories = FlowBuilder::Factories()});
    Engine other({.num_workers = 1, .factories = FlowBuilder::Factories()});
    Result<FlowHandle> flow = one.Deploy(plan, ".");
    ASSERT_TRUE(flow.ok());
    EXPECT_EQ(TextOf(one.Run(**flow, Rows({1}))), "2 3");
    EXPECT_EQ(TextOf(one.Submit(**flow, Rows({1})).get()), "2 3");
    Surroundings().ExpectSame(before);
  }
  Surroundings().ExpectSame(before);
  int num_new_thread = 0;
  std::thread([&] { num_new_thread = at::get_num_threads(); }).join();
  EXPECT_EQ(num_new_thread, before.num_torch_threads);
}

TEST(GuestTest, RaisesTheLimitOfThreadsOnlyWhereItMay) {
  constexpr auto kLimit = tbb::global_control::max_allowed_parallelism;
  const size_t before = tbb::global_control::active_value(kLimit);
  const int many = static_cast<int>(before) + 3;
  {
    const Engine engine({.num_workers = many,
                         .factories = FlowBuilder::Factories(),
                         .may_raise_thread_limit = true});
    EXPECT_EQ(tbb::global_control::active_value(kLimit), static_cast<size_t>(many) + 1);
  }
  EXPECT_EQ(tbb::global_control::active_value(kLimit), before);
}

TEST(GuestTest, WorksWhereTheHostAllowsOneThread) {
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  LiveOnce(Diamond(), 2);
}

TEST(GuestTest, ComesAndGoesAThousandTimesWithoutALeak) {
  const PhysicalPlan plan = Diamond();
  int64_t num_threads = 0;
  int64_t num_files = 0;
  int64_t num_bytes = 0;
  for (int i = 0; i < 1000; ++i) {
    LiveOnce(plan, 1 + i % 3);
    if (i != 100) continue;  // by now caches have their sizes
    num_threads = NumEntries("/proc/self/task");
    num_files = NumEntries("/proc/self/fd");
    num_bytes = ResidentBytes();
  }
  EXPECT_LE(NumEntries("/proc/self/task"), num_threads);
  EXPECT_EQ(NumEntries("/proc/self/fd"), num_files);
  if (!tests::kFreedIsGone) return;
  EXPECT_LT(ResidentBytes() - num_bytes, 4 << 20);  // 900 engines of more than 4 kB each
}

TEST(GuestTest, SaysInAForkedChildThatItCannotWork) {
  Engine engine({.num_workers = 2, .factories = FlowBuilder::Factories()});
  const PhysicalPlan plan = Diamond();
  Result<FlowHandle> flow = engine.Deploy(plan, ".");
  ASSERT_TRUE(flow.ok());
  EXPECT_EQ(TextOf(engine.Submit(**flow, Rows({1})).get()), "2 3");
  EXPECT_FALSE(IsForkedOff());

  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);  // rather than hang
    const auto is_clear = [](const Error& error) {
      return error.code == ErrorCode::kUnavailable &&
             error.Text().find("forked off") != std::string::npos;
    };
    bool is_good = IsForkedOff() && !(*flow)->is_deployed();
    is_good = is_good && is_clear(engine.Run(**flow, Rows({1})).error());
    is_good = is_good && is_clear(engine.Submit(**flow, Rows({1})).get().error());
    is_good = is_good && is_clear(engine.RunTables(**flow, {Rows({1})}).error());
    is_good = is_good && is_clear(engine.SubmitTables(**flow, {Rows({1})}).get().error());
    is_good = is_good && is_clear(engine.Deploy(plan, ".").error());
    is_good = is_good && is_clear(engine.Replace(**flow, plan, ".").error());
    engine.Undeploy(**flow).wait();
    {
      Engine another({.num_workers = 2, .factories = FlowBuilder::Factories()});
      is_good = is_good && is_clear(another.Deploy(plan, ".").error());
    }
    ::_exit(is_good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  EXPECT_EQ(TextOf(engine.Run(**flow, Rows({1}))), "2 3");
}

// Its destructors, too, must not wait for threads that are not there.
TEST(GuestTest, AForkedChildMayEndAsUsual) {
  auto engine = std::make_unique<Engine>(
      EngineOptions{.num_workers = 2, .factories = FlowBuilder::Factories()});
  Result<FlowHandle> flow = engine->Deploy(Diamond(), ".");
  ASSERT_TRUE(flow.ok());
  FlowHandle handle = *std::move(flow);
  EXPECT_EQ(TextOf(engine->Submit(*handle, Rows({1})).get()), "2 3");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);
    engine.reset();
    handle.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

}  // namespace
}  // namespace raceway::engine
