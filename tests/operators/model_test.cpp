#include "operators/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/operators/models.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(ModelTest, RunsAllRowsAtOnce) {
  Save("def forward(self, x):\n  return x * self.weight + float(x.size(0))\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[5, 7]\n#1 y=[9, 11]\n#2 y=[13, 15]\n");
}

TEST_F(ModelTest, OneRowAnswersAsInABatch) {
  Save("def forward(self, x):\n  return torch.softmax(x * self.weight, -1)\n");
  EXPECT_EQ(RunText(doubling_, rows_), RowByRowText(doubling_, rows_));
}

TEST_F(ModelTest, TakesItsInputsInOrderAndCarriesOtherColumns) {
  Save("def forward(self, a, b, scale: float = 10.):\n  return (a - b) * scale\n");
  StepSpec step = Step({"p", "q"}, {{"y", "f32"}});
  step.arguments = {{"a", "q"}, {"b", "p"}};
  step.outputs = {*S({{"name", "string"}, {"y", "f32"}})};
  const Batch rows = MakeBatch(S({{"p", "f32"}, {"q", "f32"}, {"name", "string"}}),
                               {Floats({1, 2}), Floats({3, 5}), Texts({"a", "b"})});
  EXPECT_EQ(RunText(step, rows), "#0 name='a' y=20\n#1 name='b' y=30\n");
}

TEST_F(ModelTest, WhatForwardThrowsIsOneLine) {
  Save("def forward(self, x):\n  return torch.mm(x, x)\n");
  const std::string shapes = RunText(doubling_, rows_);
  EXPECT_THAT(shapes, StartsWith("failed: model small: mat1 and mat2 shapes cannot be multiplied"));
  EXPECT_THAT(shapes, Not(HasSubstr("\n")));
  Save("def forward(self, x):\n  assert bool(x.sum() < 0), 'too bright'\n  return x\n", "n.pt");
  StepSpec step = doubling_;
  step.options[0].second = "n.pt";
  const std::string raised = RunText(step, rows_);
  EXPECT_THAT(raised, EndsWith("too bright"));
  EXPECT_THAT(raised, StartsWith("failed: model small: "));
  EXPECT_THAT(raised, Not(HasSubstr("\n")));
}

/// Each look at it takes a second.
class SlowClock final : public engine::Clock {
 public:
  engine::TimePoint Now() const override {
    return engine::TimePoint(std::chrono::seconds(seconds_++));
  }

 private:
  mutable std::atomic<int64_t> seconds_ = 0;
};

TEST_F(ModelTest, StopsWithinAnOperatorWhereTheDeadlinePasses) {
  Save("def forward(self, x):\n  for i in range(1000000000):\n    x = x + 1.\n  return x\n");
  const auto made = Make(doubling_, {rows_.schema()}, folder_.path());
  const SlowClock clock;
  engine::CancelToken cancel;
  cancel.SetDeadline(engine::TimePoint(std::chrono::seconds(100)), clock);
  engine::RunContext context{cancel, clock};
  EXPECT_EQ(Text(std::get<std::unique_ptr<engine::Operator>>(*made)->Run(rows_, context)),
            "deadline exceeded: the deadline has passed");
  EXPECT_LT(clock.Now(), engine::TimePoint(std::chrono::seconds(110)));
}

TEST_F(ModelTest, StopsWhereItsRequestIsCancelled) {
  Save("def forward(self, x):\n  for i in range(1000000000):\n    x = x + 1.\n  return x\n");
  const auto made = Make(doubling_, {rows_.schema()}, folder_.path());
  engine::CancelToken caller;
  engine::CancelToken cancel;
  cancel.SetParent(&caller);
  const engine::SteadyClock clock;
  std::thread impatient([&caller] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    caller.Cancel();
  });
  engine::RunContext context{cancel, clock};
  EXPECT_EQ(Text(std::get<std::unique_ptr<engine::Operator>>(*made)->Run(rows_, context)),
            "cancelled: the request was cancelled");
  impatient.join();
}

TEST_F(ModelTest, ManyThreadsMayRunIt) {
  Save("def forward(self, x):\n  return x * self.weight\n");
  const auto made = Make(doubling_, {rows_.schema()}, folder_.path());
  std::vector<std::thread> threads;
  std::atomic<int> num_right = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        if (Text(RunMade(*made, rows_)) == "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n") ++num_right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(num_right, 200);
}

TEST_F(ModelTest, NoRowsNeedNoRun) {
  Save("def forward(self, x):\n  assert False, 'ran'\n  return x\n");
  EXPECT_EQ(RunStep(doubling_, Batch::Empty(rows_.schema()), folder_.path())->num_rows(), 0);
}

}  // namespace
}  // namespace raceway::operators
