#include "operators/model.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/clock.h"
#include "engine/gate.h"
#include "operators/models/model_file.h"
#include "tests/operators/models.h"
#include "tests/support/interface_module.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using ModelSettingsTest = ModelTest;

TEST_F(ModelSettingsTest, CallsTheMethodThatIsNamed) {
  Save("def forward(self, x):\n  return x\ndef negative(self, x):\n  return -x\n");
  StepSpec step = doubling_;
  step.options.emplace_back("method", "negative");
  EXPECT_EQ(RunText(step, rows_), "#0 y=[-1, -2]\n#1 y=[-3, -4]\n#2 y=[-5, -6]\n");
  step.options.back().second = "positive";
  EXPECT_EQ(MakeError(step, {rows_.schema()}, folder_.path()),
            "invalid argument: model file m.pt has no `positive`; its methods are `forward`, "
            "`negative`");
}

TEST_F(ModelSettingsTest, AModelThatKeepsStateIsRefused) {
  const auto error = [this](const std::string& forward) {
    Save(forward);
    return MakeError(doubling_, {rows_.schema()}, folder_.path());
  };
  const std::string start = "invalid argument: model file m.pt keeps state between calls: ";
  EXPECT_EQ(error("def forward(self, x):\n  self.calls = self.calls + 1\n  return x\n"),
            start +
                "`forward` writes `calls`; `state: fresh` lets each call begin with what is in "
                "the file");
  EXPECT_THAT(error("def forward(self, x):\n  self.calls.add_(1)\n  return x\n"),
              StartsWith(start + "`forward` writes `calls`"));
  EXPECT_THAT(error("def forward(self, x):\n  self.calls[0] = 3\n  return x\n"),
              StartsWith(start + "`forward` writes `calls`"));
  EXPECT_THAT(error("def step(self):\n  self.calls = self.calls + 1\n"
                    "def forward(self, x):\n  self.step()\n  return x\n"),
              StartsWith(start + "`forward` writes `calls`"));
}

TEST_F(ModelSettingsTest, WhatOnlyRunsInTrainingIsNoState) {
  Save(
      "def forward(self, x):\n"
      "  if self.training:\n"
      "    self.calls.add_(1)\n"
      "  y = x.clone()\n"
      "  y.mul_(2.)\n"
      "  return y\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
}

TEST_F(ModelSettingsTest, EachCallBeginsWithTheStateOfTheFile) {
  for (const std::string write : {"self.calls = self.calls + 1", "self.calls.add_(1)"}) {
    Save("def forward(self, x):\n  " + write + "\n  " + write +
         "\n  return x * self.calls.float()\n");
    StepSpec step = doubling_;
    step.options.emplace_back("state", "fresh");
    const auto made = Make(step, {rows_.schema()}, folder_.path());
    ASSERT_TRUE(made.ok()) << made.error().message;
    for (int call = 0; call < 3; ++call) {
      EXPECT_EQ(Text(RunMade(*made, rows_)), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
    }
  }
}

TEST_F(ModelSettingsTest, StateInAPartOfTheModelIsFound) {
  torch::jit::Module part("part");
  part.register_buffer("seen", at::tensor(std::vector<int64_t>{0}));
  part.define("def forward(self, x):\n  self.seen = self.seen + 1\n  return x + self.seen\n");
  torch::jit::Module whole("whole");
  whole.register_module("part", part);
  whole.define("def forward(self, x):\n  return self.part.forward(self.part.forward(x))\n");
  whole.save((folder_.path() / "m.pt").string());
  EXPECT_THAT(MakeError(doubling_, {rows_.schema()}, folder_.path()), HasSubstr("`part.seen`"));
  StepSpec step = doubling_;
  step.options.emplace_back("state", "fresh");
  const auto made = Make(step, {rows_.schema()}, folder_.path());
  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(Text(RunMade(*made, rows_)), "#0 y=[4, 5]\n#1 y=[6, 7]\n#2 y=[8, 9]\n");
  }
}

TEST_F(ModelSettingsTest, StateBehindAnInterfaceIsFound) {
  torch::jit::Module part("Implementation");
  part.register_buffer("seen", at::tensor(std::vector<int64_t>{0}));
  part.define("def forward(self, x):\n  self.seen = self.seen + 1\n  return x + self.seen\n");
  tests::BehindInterface(part).save((folder_.path() / "m.pt").string());
  EXPECT_THAT(MakeError(doubling_, {rows_.schema()}, folder_.path()), HasSubstr("`part.seen`"));
  StepSpec step = doubling_;
  step.options.emplace_back("state", "fresh");
  const auto made = Make(step, {rows_.schema()}, folder_.path());
  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(Text(RunMade(*made, rows_)), "#0 y=[2, 3]\n#1 y=[4, 5]\n#2 y=[6, 7]\n");
  }
}

TEST_F(ModelSettingsTest, WeightsAndInputsAreTurnedIntoTheDtype) {
  Save(
      "def forward(self, x):\n"
      "  y = x * self.weight\n"
      "  assert y.dtype == 15 and self.calls.dtype == 4, 'bf16 and i64'\n"
      "  return y + 0.001\n");
  StepSpec step = doubling_;
  step.options.emplace_back("dtype", "bf16");
  // 0.001 is less than bf16 tells from 2.
  EXPECT_EQ(RunText(step, rows_), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
  step.options.back().second = "i64";
  EXPECT_EQ(MakeError(step, {rows_.schema()}, folder_.path()),
            "invalid argument: model small: `dtype` cannot be \"i64\"");
}

TEST_F(ModelSettingsTest, ADeviceThatIsNotHereIsSaid) {
  Save("def forward(self, x):\n  return x\n");
  const auto error = [this](const std::string& device) {
    return MakeError(doubling_, {rows_.schema()}, folder_.path(), device);
  };
  EXPECT_EQ(error("tpu"),
            "unsupported: model small: no device is called `tpu`; there are `cpu`, `cuda` and "
            "`cuda:1`");
  EXPECT_EQ(error("cuda:x").substr(0, 11), "unsupported");
  // Some machine may have one, none has so many.
  EXPECT_THAT(error("cuda:99"), StartsWith("unavailable: model small: no CUDA device "));
}

TEST_F(ModelSettingsTest, OfSeveralDevicesTheFirstThatIsHereIsTaken) {
  Save("def forward(self, x):\n  return self.weight * x\n");
  const auto run = [&](Value::List devices) {
    StepSpec step = doubling_;
    step.options.emplace_back("device", std::move(devices));
    return RunText(step, rows_);
  };
  EXPECT_EQ(run({"cuda:99", "cpu"}), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
  EXPECT_EQ(run({"gpu", "cpu"}), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
  EXPECT_THAT(run({"cuda:99"}), EndsWith("; `device: [gpu, cpu]` takes the CPU then"));
}

TEST_F(ModelSettingsTest, CallsBeyondTheInstancesWaitUntilTheyAreLate) {
  Save(
      "def forward(self, x):\n  if bool(x[0, 0] < 0):\n    for i in range(1000000000):\n"
      "      x = x + 1.\n  return self.weight * x\n");
  StepSpec step = doubling_;
  step.options.emplace_back("instances", int64_t{1});
  const Result<AnyOperator> made = Make(step, {rows_.schema()}, folder_.path());
  ASSERT_TRUE(made.ok()) << made.error().Text();
  const auto& op = *std::get<std::unique_ptr<engine::Operator>>(*made);
  const engine::SteadyClock clock;
  engine::CancelToken parent;
  engine::CancelToken endless;
  endless.SetParent(&parent);
  std::thread busy([&] {
    engine::RunContext context{endless, clock};
    const Batch rows = MakeBatch(rows_.schema(), {Vectors({{-1, 0}})});
    EXPECT_EQ(op.Run(rows, context).error().code, engine::ErrorCode::kCancelled);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  engine::CancelToken late;
  late.SetDeadline(clock.Now() + std::chrono::milliseconds(5), clock);
  engine::RunContext context{late, clock};
  EXPECT_EQ(op.Run(rows_, context).error().code, engine::ErrorCode::kDeadlineExceeded);
  parent.Cancel();
  busy.join();
  EXPECT_EQ(Text(RunMade(*made, rows_)), "#0 y=[2, 4]\n#1 y=[6, 8]\n#2 y=[10, 12]\n");
}

/// Notes the threads that operators may use.
class ThreadsGate final : public engine::OperatorGate {
 public:
  void BeforeOperator(const c10::OperatorHandle& /*op*/,
                      const torch::jit::Stack& /*stack*/) override {
    num_threads_ = at::get_num_threads();
  }
  int num_threads() const { return num_threads_; }

 private:
  int num_threads_ = 0;
};

TEST_F(ModelSettingsTest, UsesItsThreadsAndGivesThemBack) {
  Save("def forward(self, x):\n  return x * 2\n");
  const int before = at::get_num_threads();
  StepSpec step = doubling_;
  step.options[2].second = Value(int64_t{before + 1});
  const auto made = Make(step, {rows_.schema()}, folder_.path());
  ThreadsGate gate;
  {
    const engine::GateScope scope(gate);
    EXPECT_TRUE(RunMade(*made, rows_).ok());
  }
  EXPECT_EQ(gate.num_threads(), before + 1);
  EXPECT_EQ(at::get_num_threads(), before);
  step.options[2].second = Value(int64_t{-1});
  EXPECT_EQ(MakeError(step, {rows_.schema()}, folder_.path()),
            "invalid argument: model small: `threads` cannot be -1");
}

}  // namespace
}  // namespace raceway::operators
