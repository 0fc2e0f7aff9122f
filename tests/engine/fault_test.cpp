// Faults, from a seed: whatever operators do, each request ends exactly once, alone, and with rows
// only if they are the right ones.
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace raceway::engine {
namespace {

using testing::Add;
using ::testing::AllOf;
using testing::FlowBuilder;
using ::testing::HasSubstr;
using testing::Hook;
using testing::Rows;
using testing::TextOf;
using namespace std::chrono_literals;

constexpr Port kInput = FlowBuilder::kInput;

/// Does to a batch whatever its first row and `salt` say, the same every time.
Hook Trouble(uint32_t salt) {
  return [salt](Batch batch, RunContext& context) -> Result<Batch> {
    if (batch.num_rows() == 0) return batch;
    std::mt19937 random(static_cast<uint32_t>(testing::RowsOf(batch).at(0)) * 1000003U + salt);
    switch (random() % 40) {
      case 0: return Error{.code = ErrorCode::kFailed, .message = "fails"};
      case 1: throw std::runtime_error("throws");
      case 2: throw 42;
      case 3: throw std::bad_alloc();
      case 4: const_cast<CancelToken&>(context.cancel).Cancel(); return batch;
      case 5: return Batch();
      case 6:
      case 7:
        for (int i = 0; i < 10 && !context.cancel.Check(); ++i) std::this_thread::sleep_for(10us);
        return batch;
      default: return batch;
    }
  };
}

/// A flow whose shape `seed` decides: chains, fused steps, splits, fan-outs, guards and races,
/// which in the end come together. `has_trouble`: in half of its steps.
PhysicalPlan RandomFlow(uint32_t seed, bool has_trouble) {
  std::mt19937 random(seed);
  FlowBuilder builder("faults");
  const auto trouble = [&] {
    const uint32_t salt = random();
    return has_trouble && salt % 2 == 0 ? Trouble(salt) : testing::Pass();
  };
  std::vector<Port> ends = {kInput};
  const int num_steps = 4 + static_cast<int>(random() % 8);
  for (int i = 0; i < num_steps; ++i) {
    const Port from = ends[random() % ends.size()];
    Port& end = ends[random() % ends.size()];
    const bool own_task = random() % 2 == 0;
    const uint32_t kind = random() % 7;
    if (kind <= 1) {
      end = builder.Then(end, trouble(), own_task);
    } else if (kind == 2) {
      end = builder.Fused(end, {trouble(), Add(1), trouble()}, own_task);
    } else if (kind == 3) {
      const std::vector<Port> dealt = builder.Split(end, 3);
      end = dealt[0];
      ends.insert(ends.end(), {dealt[1], dealt[2]});
    } else if (kind == 4) {
      ends.push_back(builder.Then(from, trouble(), own_task));
    } else if (kind == 5) {
      end = builder.Branch(end, "guard", {{"each_row", true}},
                           {{"try", {trouble(), Add(5)}}, {"rescue", {Add(5)}}});
    } else {
      end = builder.Branch(end, "anyof", {},
                           {{"a", {trouble(), Add(7)}, nullptr, true},
                            {"b", {trouble(), Add(7)}, nullptr, true},
                            {"else", {Add(7)}}});
    }
  }
  builder.Merge(std::move(ends));
  return builder.Build();
}

/// Tokens of requests under way, for a thread that cancels some of them.
class Tokens {
 public:
  std::shared_ptr<CancelToken> Make() {
    auto token = std::make_shared<CancelToken>();
    const std::lock_guard lock(mutex_);
    tokens_.push_back(token);
    return token;
  }
  void CancelAll() {
    const std::lock_guard lock(mutex_);
    for (const auto& token : tokens_) token->Cancel();
    tokens_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<CancelToken>> tokens_;
};

TEST(FaultTest, TenThousandRequestsEndOnceAndRight) {
  constexpr int kShapes = 20;
  constexpr int kCallers = 4;
  constexpr int kRequests = 125;       // of each caller and shape
  std::map<std::string, int> ends_of;  // kind → how many
  std::mutex mutex;
  for (uint32_t seed = 1; seed <= kShapes; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Engine engine({.num_workers = 1 + static_cast<int>(seed % 3),
                   .factories = FlowBuilder::Factories(),
                   .may_raise_thread_limit = true});
    Result<FlowHandle> calm = engine.Deploy(RandomFlow(seed, false), ".");
    Result<FlowHandle> flow = engine.Deploy(RandomFlow(seed, true), ".");
    ASSERT_TRUE(calm.ok() && flow.ok()) << TextOf(flow ? calm.error() : flow.error());

    Tokens tokens;
    std::vector<std::atomic<int>> ends(kCallers * kRequests);
    std::atomic<int> num_over = 0;
    const auto note = [&](size_t index, const std::string& expected, const Result<Batch>& result) {
      ++ends[index];
      if (result.ok()) {
        EXPECT_EQ(TextOf(result), expected);
      } else {
        EXPECT_NE(result.error().Text(), "");
      }
      {
        const std::lock_guard lock(mutex);
        ++ends_of[result.ok() ? "ok" : std::string(NameOf(result.error().code))];
      }
      ++num_over;
      num_over.notify_one();
    };
    std::atomic<bool> is_over = false;
    std::jthread canceller([&] {
      for (; !is_over; std::this_thread::sleep_for(2ms)) tokens.CancelAll();
    });
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        std::mt19937 random(seed * 100 + static_cast<uint32_t>(caller));
        for (int i = 0; i < kRequests; ++i) {
          const auto index = static_cast<size_t>(caller) * kRequests + static_cast<size_t>(i);
          const auto x = static_cast<int64_t>(random() % 1000);
          const Batch rows = Rows({x, x + 1, x + 2});
          const std::string expected = TextOf(engine.Run(**calm, rows));
          RequestOptions options;
          if (random() % 4 == 0) options.cancel = tokens.Make();
          if (random() % 4 == 0) {
            options.deadline = SteadyClock().Now() + std::chrono::microseconds(random() % 500);
          }
          if (random() % 2 == 0) {
            note(index, expected, engine.Run(**flow, rows, std::move(options)));
          } else {
            engine.Submit(**flow, rows, std::move(options),
                          [&note, index, expected](const Result<Batch>& result) {
                            note(index, expected, result);
                          });
          }
        }
      });
    }
    callers.clear();
    for (int over = num_over; over < kCallers * kRequests; over = num_over) num_over.wait(over);
    is_over = true;
    flow = Error{};  // undeploys
    for (const std::atomic<int>& end : ends) ASSERT_EQ(end, 1);
  }
  int sum = 0;
  for (const auto& [kind, count] : ends_of) sum += count;
  EXPECT_EQ(sum, 10'000);
  for (const char* kind : {"ok", "failed", "cancelled", "deadline exceeded", "internal"}) {
    EXPECT_GT(ends_of[kind], 10) << "the test tests less than it says";
  }
}

int64_t AddressSpace() {
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * 4096;
}

// Twice: more than any machine has, and more than this process may have.
TEST(FaultTest, OutOfMemoryEndsOnlyItsRequest) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator ends the process instead";
#endif
  Engine engine({.num_workers = 2, .factories = FlowBuilder::Factories()});
  FlowBuilder builder;
  builder.Then(kInput, [](Batch batch, RunContext&) -> Result<Batch> {
    const at::Tensor scratch = at::empty({testing::RowsOf(batch).at(0)}, at::kByte);
    return batch;
  });
  Result<FlowHandle> flow = engine.Deploy(builder.Build(), ".");
  ASSERT_TRUE(flow.ok());
  const auto expect_one_fails = [&](int64_t num_bytes) {
    std::vector<std::future<Result<Batch>>> others;
    for (int i = 0; i < 50; ++i) others.push_back(engine.Submit(**flow, Rows({1000})));
    EXPECT_THAT(TextOf(engine.Run(**flow, Rows({num_bytes}))),
                AllOf(HasSubstr("at test.flow:"), HasSubstr("allocate memory")));
    for (auto& other : others) EXPECT_EQ(TextOf(other.get()), "1000");
  };
  expect_one_fails(int64_t{1} << 50);

  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  struct rlimit limit = before;
  limit.rlim_cur = static_cast<rlim_t>(AddressSpace() + (256 << 20));
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  expect_one_fails(int64_t{1} << 30);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(TextOf(engine.Run(**flow, Rows({1 << 30}))), std::to_string(1 << 30));
}

}  // namespace
}  // namespace raceway::engine
