// Counts what requests allocate: what an engine adds must not grow with the stages they go through.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <thread>

#include "engine/engine.h"
#include "tests/engine/flows.h"

namespace {

std::atomic<int64_t> num_allocations = 0;

void* Allocate(std::size_t num_bytes) {
  num_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(num_bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Of the whole program, LibTorch and TBB included; those for arrays come here by default.
void* operator new(std::size_t num_bytes) { return Allocate(num_bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace raceway::engine {
namespace {

using testing::FlowBuilder;
using testing::Pass;
using testing::Rows;

constexpr Port kInput = FlowBuilder::kInput;
constexpr int kRequests = 50;

/// Hands on the first of its batches.
testing::MergeHook First() {
  return [](std::span<Batch> inputs, RunContext&) -> Result<Batch> { return inputs[0]; };
}

PhysicalPlan Chain(int num_stages) {
  FlowBuilder builder;
  Port port = kInput;
  for (int i = 0; i < num_stages; ++i) port = builder.Then(port, Pass());
  return builder.Build();
}
PhysicalPlan Fused(int num_steps) {
  FlowBuilder builder;
  builder.Fused(kInput, std::vector<testing::Hook>(static_cast<size_t>(num_steps), Pass()));
  return builder.Build();
}
/// As many fan-outs to three branches and back, one behind the other.
PhysicalPlan Diamonds(int num_diamonds, bool own_task) {
  FlowBuilder builder;
  Port port = kInput;
  for (int i = 0; i < num_diamonds; ++i) {
    const Port a = builder.Then(port, Pass(), own_task);
    const Port b = builder.Then(port, Pass(), own_task);
    port = builder.Merge({a, b, port}, First());
  }
  return builder.Build();
}

class AllocationTest : public ::testing::Test {
 protected:
  /// Allocations of a request, the least of several rounds: TBB's and malloc's caches fill in the
  /// first ones.
  double PerRequest(const PhysicalPlan& plan, bool submits) {
    Result<FlowHandle> flow = engine_.Deploy(plan, ".");
    if (!flow) throw std::runtime_error(flow.error().Text());
    const Batch rows = Rows({1, 2, 3});
    double least = 1e9;
    for (int round = 0; round < 8; ++round) {
      const int64_t before = num_allocations;
      for (int i = 0; i < kRequests; ++i) {
        if (submits) {
          const int before_it = num_over_;
          engine_.Submit(**flow, rows, {}, [this](const Result<Batch>& result) {
            EXPECT_TRUE(result.ok());
            ++num_over_;
            num_over_.notify_one();
          });
          num_over_.wait(before_it);
        } else {
          EXPECT_TRUE(engine_.Run(**flow, rows).ok());
        }
      }
      least = std::min(least, static_cast<double>(num_allocations - before) / kRequests);
    }
    return least;
  }

  std::atomic<int> num_over_ = 0;
  Engine engine_{{.num_workers = 2, .factories = FlowBuilder::Factories()}};
};

TEST_F(AllocationTest, CountsThem) {
  const int64_t before = num_allocations;
  const auto made = std::make_unique<std::string>(1000, 'x');
  EXPECT_EQ(num_allocations - before, 2);
}

TEST_F(AllocationTest, AHopTakesNone) {
  for (const bool submits : {false, true}) {
    const double one = PerRequest(Chain(1), submits);
    EXPECT_LE(one, 3.01) << (submits ? "Submit" : "Run");
    EXPECT_NEAR(PerRequest(Chain(200), submits), one, 0.01) << (submits ? "Submit" : "Run");
  }
}

TEST_F(AllocationTest, AStepTakesNone) {
  for (const bool submits : {false, true}) {
    EXPECT_NEAR(PerRequest(Fused(200), submits), PerRequest(Fused(1), submits), 0.01);
  }
}

TEST_F(AllocationTest, AFanOutTakesNone) {
  for (const bool submits : {false, true}) {
    EXPECT_NEAR(PerRequest(Diamonds(100, false), submits), PerRequest(Diamonds(1, false), submits),
                0.01);
  }
}

// TBB keeps the memory of its tasks, so handing a stage to another thread takes none either, but
// for what a thread's cache lacks when another one has freed it.
TEST_F(AllocationTest, AHandOffTakesNone) {
  for (const bool submits : {false, true}) {
    EXPECT_NEAR(PerRequest(Diamonds(100, true), submits), PerRequest(Diamonds(1, true), submits),
                0.5);
  }
}

}  // namespace
}  // namespace raceway::engine
