#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <deque>
#include <exception>
#include <fstream>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/library/flows.h"

namespace raceway::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class EngineTest : public ::testing::Test {
 protected:
  Flow Deploy(const char* text) {
    Result<Flow> flow = engine_.Deploy(PlanOf(text));
    if (!flow) Abort(flow.error());
    return *flow;
  }

  Engine engine_ = *Engine::Start({.num_workers = 2});
};

void ExpectTwice(const Result<Table>& out) {
  ASSERT_TRUE(out.ok()) << out.error().Text();
  const at::Tensor wanted = at::tensor({3.F, 6.F, -5.F, -7.F}).view({2, 2});
  EXPECT_TRUE(at::allclose(*out->Tensor("y"), wanted));
  EXPECT_EQ((*out->Texts("name"))[1], "two");
}

TEST_F(EngineTest, RunAnswersInThisThread) { ExpectTwice(Deploy(kTwice).Run(TwiceRows())); }

TEST_F(EngineTest, FuturesAnswerLater) {
  const Flow flow = Deploy(kTwice);
  std::vector<std::future<Result<Table>>> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(flow.Submit(TwiceRows()));
  for (std::future<Result<Table>>& answer : answers) ExpectTwice(answer.get());
}

TEST_F(EngineTest, CallbacksAreCalledOnce) {
  constexpr int kRequests = 100;
  const Flow flow = Deploy(kTwice);
  std::atomic<int> calls = 0;
  std::latch done(kRequests);
  for (int i = 0; i < kRequests; ++i) {
    flow.Submit(TwiceRows(), {}, [&](Result<Table> out) {
      ExpectTwice(out);
      ++calls;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(calls, kRequests);
}

TEST_F(EngineTest, ARequestOfAnotherTableEndsHereAndNow) {
  std::string said;
  Deploy(kTwice).Submit(Table(), {}, [&](const Result<Table>& out) { said = ErrorOf(out); });
  EXPECT_THAT(said, HasSubstr("the table has no column `id`"));
}

TEST_F(EngineTest, AnErrorNamesStageAndMessage) {
  const Result<Table> out = Deploy(kRaises).Run(XRows(-1));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, ErrorCode::kFailed);
  EXPECT_THAT(out.error().stage, HasSubstr("map(raises) at test.flow:3:"));
  EXPECT_THAT(out.error().message, HasSubstr("no luck today"));
}

TEST_F(EngineTest, DeadlinesArePointsOrDurations) {
  const Flow flow = Deploy(kSlow);
  const auto start = std::chrono::steady_clock::now();
  const Result<Table> late = flow.Run(XRows(1), {.deadline = 30ms});
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
  const Result<Table> past = flow.Run(XRows(1), {.deadline = start});
  EXPECT_EQ(past.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(EngineTest, ASourceCancelsAllItsRequests) {
  const Flow flow = Deploy(kSlow);
  const CancelSource source;
  std::future<Result<Table>> one = flow.Submit(XRows(1), {.cancel = source.token()});
  std::future<Result<Table>> two = flow.Submit(XRows(2), {.cancel = source.token()});
  EXPECT_EQ(one.wait_for(50ms), std::future_status::timeout);
  EXPECT_FALSE(source.token().is_cancelled());
  source.Cancel();
  EXPECT_EQ(one.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(two.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(flow.Run(XRows(3), {.cancel = source.token()}).error().code, ErrorCode::kCancelled);
}

/// A coroutine that runs at once and that nobody awaits.
struct Detached {
  struct promise_type {  // NOLINT: the name that the language wants
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

/// Somebody else's event loop.
class Loop {
 public:
  ResumeOn Post() {
    return [this](std::coroutine_handle<> handle) {
      std::lock_guard lock(mutex_);
      ready_.push_back(handle);
    };
  }
  bool RunOne() {
    std::unique_lock lock(mutex_);
    if (ready_.empty()) return false;
    const std::coroutine_handle<> handle = ready_.front();
    ready_.pop_front();
    lock.unlock();
    handle.resume();
    return true;
  }

 private:
  std::mutex mutex_;
  std::deque<std::coroutine_handle<>> ready_;
};

TEST_F(EngineTest, CoroutinesAwaitRequests) {
  constexpr int kRequests = 100;
  const Flow flow = Deploy(kTwice);
  std::latch done(kRequests);
  const auto ask = [&]() -> Detached {
    ExpectTwice(co_await Await(flow, TwiceRows(), {.deadline = 10s}));
    done.count_down();
  };
  for (int i = 0; i < kRequests; ++i) ask();
  done.wait();
}

TEST_F(EngineTest, ACoroutineGoesOnWhereItIsTold) {
  const Flow flow = Deploy(kTwice);
  Loop loop;
  std::thread::id resumed;
  const auto ask = [&]() -> Detached {
    // The first may have ended before it suspends; the slow one has not.
    co_await Await(flow, TwiceRows(), {}, loop.Post());
    co_await Await(Deploy(kSlow), XRows(1), {}, loop.Post());
    resumed = std::this_thread::get_id();
  };
  ask();
  while (resumed == std::thread::id()) {
    if (!loop.RunOne()) std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(resumed, std::this_thread::get_id());
}

TEST_F(EngineTest, RequestsThatEndAtOnceDoNotNest) {
  const Flow flow = Deploy(kTwice);
  int errors = 0;
  const auto ask = [&]() -> Detached {
    for (int i = 0; i < 100000; ++i) {
      if (!(co_await Await(flow, Table())).ok()) ++errors;
    }
  };
  ask();
  EXPECT_EQ(errors, 100000);
}

constexpr char kTwoTables[] = R"(edition 1
flow apart(a: { id: i64 }, b: { id: i64, x: f32 }) -> (left: { id: i64 }, right: { x: f32 }) {
  return left: a, right: b |> select(x)
}
)";

TEST_F(EngineTest, SeveralTablesAreOneRequest) {
  Result<Compilation> compiled = CompileText(kTwoTables, "apart.flow", "");
  ASSERT_TRUE(compiled.ok()) << compiled.error().Text();
  ASSERT_TRUE(compiled->plan.has_value()) << compiled->text;
  const Flow flow = *engine_.Deploy(*compiled->plan);
  EXPECT_EQ(flow.inputs()[1].name, "b");
  EXPECT_EQ(flow.results()[1].name, "right");
  const Table a = Table().Set("id", at::tensor({int64_t{1}}));
  const Table b = Table().Set("id", at::tensor({int64_t{2}})).Set("x", at::ones({1}));
  for (const auto& out : {flow.RunTables({a, b}), flow.SubmitTables({a, b}).get()}) {
    ASSERT_TRUE(out.ok()) << out.error().Text();
    EXPECT_EQ((*out)[0].Tensor("id")->data_ptr(), a.Tensor("id")->data_ptr());
    EXPECT_EQ((*out)[1].names(), std::vector<std::string>{"x"});
  }
  EXPECT_THAT(ErrorOf(flow.Run(a)), HasSubstr("call it by `RunTables`"));
  EXPECT_THAT(ErrorOf(flow.RunTables({a})), HasSubstr("`apart` takes 2 tables, here are 1"));
  EXPECT_THAT(ErrorOf(flow.RunTables({a, a})), HasSubstr("`apart(b)` takes (id: i64, x: f32): "));
}

TEST_F(EngineTest, AColumnMayHaveADefault) {
  constexpr char kDefault[] = R"(edition 1
schema Row { id: i64, k: i64 = 3, name: string = "none" }
flow defaults(rows: Row) -> { id: i64, k: i64, name: string } { return rows }
)";
  const Flow flow = Deploy(kDefault);
  EXPECT_FALSE(flow.inputs()[0].schema[0].has_default);
  EXPECT_TRUE(flow.inputs()[0].schema[1].has_default);
  const Result<Table> out = flow.Run(Table().Set("id", at::tensor({int64_t{1}, int64_t{2}})));
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_EQ(out->Tensor("k")->sum().item<int64_t>(), 6);
  EXPECT_EQ((*out->Texts("name"))[1], "none");
}

TEST_F(EngineTest, AChangedFileIsNotDeployed) {
  const std::filesystem::path folder = Models() / "changed";
  std::filesystem::create_directories(folder);
  std::filesystem::copy(Models() / "double.pt", folder);
  const Plan plan = *CompileText(kTwice, "twice.flow", folder)->plan;
  EXPECT_TRUE(engine_.Deploy(plan).ok());
  std::filesystem::copy(Models() / "triple.pt", folder / "double.pt",
                        std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(ErrorOf(engine_.Deploy(plan)),
              HasSubstr("`double.pt` is not the file the plan was compiled with"));
  EXPECT_TRUE(engine_.Deploy(plan, {.check_files = false}).ok());
  std::filesystem::remove(folder / "double.pt");
  EXPECT_THAT(ErrorOf(engine_.Deploy(plan)), HasSubstr("unavailable: cannot read"));
}

TEST_F(EngineTest, AFlowIsReplacedAndUndeployed) {
  const Flow flow = Deploy(kTwice);
  std::string thrice = kTwice;
  thrice.replace(thrice.find("double.pt"), 9, "triple.pt");
  Result<std::future<void>> gone = engine_.Replace(flow, PlanOf(thrice.c_str()));
  ASSERT_TRUE(gone.ok()) << gone.error().Text();
  gone->get();
  const at::Tensor wanted = at::tensor({4.F, 8.5F, -8.F, -11.F}).view({2, 2});
  EXPECT_TRUE(at::allclose(*flow.Run(TwiceRows())->Tensor("y"), wanted));
  EXPECT_FALSE(engine_.Replace(flow, PlanOf(kSlow)).ok());
  Engine other = *Engine::Start({.num_workers = 1});
  EXPECT_EQ(ErrorOf(other.Undeploy(flow)), "invalid argument: `twice` is another engine's");
  engine_.Undeploy(flow)->get();
  EXPECT_EQ(flow.Run(TwiceRows()).error().code, ErrorCode::kUnavailable);
}

TEST_F(EngineTest, AFlowOutlivesItsEngine) {
  const Flow flow = Deploy(kTwice);
  {
    const Engine ended = std::move(engine_);
    ExpectTwice(flow.Run(TwiceRows()));
  }
  EXPECT_EQ(ErrorOf(flow.Run(TwiceRows())), "unavailable: the engine of this flow has ended");
  EXPECT_EQ(ErrorOf(flow.Submit(TwiceRows()).get()),
            "unavailable: the engine of this flow has ended");
  EXPECT_EQ(flow.name(), "twice");
  EXPECT_EQ(ErrorOf(engine_.Deploy(PlanOf(kTwice))), "unavailable: this engine was moved from");
}

TEST_F(EngineTest, RequestsMayRaceWithTheEndOfTheirEngine) {
  const Plan plan = PlanOf(kTwice);
  for (int round = 0; round < 20; ++round) {
    std::optional<Engine> engine = *Engine::Start({.num_workers = 2});
    const Flow flow = *engine->Deploy(plan);
    std::latch under_way(4);
    const auto loop = [&](auto ask) {
      return std::thread([&under_way, ask] {
        for (int i = 0;; ++i) {
          const Result<Table> out = ask();
          if (i == 0) under_way.count_down();
          if (out.ok()) {
            ExpectTwice(out);
            continue;
          }
          EXPECT_EQ(out.error().code, ErrorCode::kUnavailable) << out.error().Text();
          return;
        }
      });
    };
    const auto first = [](Result<std::vector<Table>> out) -> Result<Table> {
      if (!out) return std::move(out).error();
      return out->front();
    };
    std::vector<std::thread> threads;
    threads.push_back(loop([&] { return flow.Run(TwiceRows()); }));
    threads.push_back(loop([&] { return flow.Submit(TwiceRows()).get(); }));
    threads.push_back(loop([&] { return first(flow.RunTables({TwiceRows()})); }));
    threads.push_back(loop([&] { return first(flow.SubmitTables({TwiceRows()}).get()); }));
    under_way.wait();
    engine.reset();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_F(EngineTest, PlansMayRaceWithTheEndOfTheirEngine) {
  const Plan plan = PlanOf(kTwice);
  std::atomic<int> num_deployed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (Result<Flow> flow = engine_.Deploy(plan);; flow = engine_.Deploy(plan)) {
        if (!flow.ok()) {
          EXPECT_EQ(ErrorOf(flow), "unavailable: this engine has ended");
          return;
        }
        ++num_deployed;
      }
    });
  }
  while (num_deployed < 8) std::this_thread::sleep_for(1ms);
  engine_.Stop();
  for (std::thread& thread : threads) thread.join();
  engine_.Stop();  // once more is fine
}

TEST_F(EngineTest, TheEndOfAnEngineWaitsForItsRequests) {
  std::atomic<int> ended = 0;
  {
    Engine engine = *Engine::Start({.num_workers = 2});
    const Flow flow = *engine.Deploy(PlanOf(kSlow));
    for (int i = 0; i < 4; ++i) flow.Submit(XRows(1), {}, [&](const Result<Table>&) { ++ended; });
  }
  EXPECT_EQ(ended, 4);
}

}  // namespace
}  // namespace raceway::tests
