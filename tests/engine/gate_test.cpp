#include "engine/gate.h"

#include <ATen/ThreadLocalState.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <chrono>
#include <functional>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace raceway::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// y = relu(linear(x, w, b)) three times, in an order that a list of names can show.
torch::jit::Module MakeModule() {
  torch::jit::Module module("m");
  module.register_parameter("w", torch::eye(4), false);
  module.register_parameter("b", torch::ones({4}), false);
  module.define(R"(
    def forward(self, x: Tensor) -> Tensor:
        for i in range(3):
            x = torch.relu(torch.linear(x, self.w, self.b))
        return torch.softmax(x, 1)
  )");
  module.eval();
  return module;
}

at::Tensor Forward(torch::jit::Module& module) {
  return module.forward({torch::zeros({2, 4})}).toTensor();
}

class Recorder final : public OperatorGate {
 public:
  void BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) override {
    calls.push_back(op.schema().name());
    num_arguments.push_back(op.schema().arguments().size());
    EXPECT_GE(stack.size(), num_arguments.back());
    if (op.schema().name() == "aten::linear") {
      EXPECT_EQ(torch::jit::peek(stack, 1, 3).toTensor().numel(), 16) << "the weight";
    }
    if (calls.size() == throw_at) {
      if (throw_standard) throw std::runtime_error("gate says no");
      throw Stopped{ErrorCode::kCancelled};
    }
    if (before) before();
  }

  std::vector<std::string> calls;
  std::vector<size_t> num_arguments;
  size_t throw_at = 0;
  bool throw_standard = false;
  std::function<void()> before;
};

class GateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const Status installed = InstallOperatorGate();
    ASSERT_TRUE(installed.ok()) << installed.error().Text();
    ASSERT_TRUE(InstallOperatorGate().ok()) << "again";
  }

  torch::NoGradGuard no_grad_;
  torch::jit::Module module_ = MakeModule();
  const at::Tensor expected_ = Forward(module_);
};

constexpr const char* kLinear = "aten::linear";
constexpr const char* kRelu = "aten::relu";
#define ALL_CALLS ElementsAre(kLinear, kRelu, kLinear, kRelu, kLinear, kRelu, "aten::softmax")

TEST_F(GateTest, SeesEveryCallWithItsArguments) {
  for (int i = 0; i < 5; ++i) {  // the interpreter optimises after some runs
    Recorder gate;
    const at::Tensor input = torch::zeros({2, 4});
    at::Tensor output;
    {
      GateScope scope(gate);
      output = module_.forward({input}).toTensor();
    }
    EXPECT_THAT(gate.calls, ALL_CALLS);
    EXPECT_THAT(gate.num_arguments, ElementsAre(3, 1, 3, 1, 3, 1, 3));
    EXPECT_TRUE(output.equal(expected_));
  }
}

TEST_F(GateTest, NothingIsSeenOutsideOfAScope) {
  Recorder gate;
  { GateScope scope(gate); }
  Forward(module_);
  EXPECT_THAT(gate.calls, ElementsAre());
}

TEST_F(GateTest, ThrowingUnwindsAndTheModuleRunsAgain) {
  for (size_t at = 1; at <= 7; ++at) {
    Recorder gate;
    gate.throw_at = at;
    bool is_stopped = false;
    try {
      const at::Tensor input = torch::zeros({2, 4});
      GateScope scope(gate);
      module_.forward({input});
    } catch (const Stopped& stopped) {
      is_stopped = stopped.code == ErrorCode::kCancelled;
    }
    EXPECT_TRUE(is_stopped);
    EXPECT_EQ(gate.calls.size(), at);
    EXPECT_TRUE(Forward(module_).equal(expected_));
    EXPECT_EQ(gate.calls.size(), at) << "seen after its scope";
  }
}

TEST_F(GateTest, StandardExceptionsComeOutWithATraceback) {
  Recorder gate;
  gate.throw_at = 2;
  gate.throw_standard = true;
  std::string message;
  try {
    GateScope scope(gate);
    Forward(module_);
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr("gate says no"));
  EXPECT_TRUE(Forward(module_).equal(expected_));
}

TEST_F(GateTest, ScopesNestTheOutermostFirst) {
  Recorder outer;
  Recorder inner;
  std::string order;
  outer.before = [&] { order += "o"; };
  inner.before = [&] { order += "i"; };
  const at::Tensor x = torch::ones({2});
  {
    GateScope outer_scope(outer);
    at::relu(x);
    {
      GateScope inner_scope(inner);
      at::relu(x);
    }
    at::relu(x);
  }
  at::relu(x);
  EXPECT_EQ(order, "ooio");
}

TEST_F(GateTest, WhatTheGateCallsIsNotSeen) {
  Recorder gate;
  gate.before = [] { at::relu(torch::ones({3})); };
  const at::Tensor x = torch::ones({2});
  {
    GateScope scope(gate);
    at::relu(x);
  }
  EXPECT_THAT(gate.calls, ElementsAre(kRelu));
}

TEST_F(GateTest, EachThreadHasItsOwnGate) {
  std::latch both_in(2);
  const auto run = [&](Recorder& gate, int num_runs) {
    torch::NoGradGuard no_grad;
    torch::jit::Module module = MakeModule();
    const at::Tensor input = torch::zeros({2, 4});
    GateScope scope(gate);
    both_in.arrive_and_wait();
    for (int i = 0; i < num_runs; ++i) module.forward({input});
  };
  Recorder a;
  Recorder b;
  {
    std::jthread first([&] { run(a, 100); });
    std::jthread second([&] { run(b, 50); });
    both_in.wait();
    for (int i = 0; i < 50; ++i) Forward(module_);  // and a third without
  }
  EXPECT_EQ(a.calls.size(), 700u);
  EXPECT_EQ(b.calls.size(), 350u);
}

TEST_F(GateTest, WorksInInferenceModeAndWithGradients) {
  const at::Tensor input = torch::zeros({2, 4});
  Recorder gate;
  {
    c10::InferenceMode inference;
    GateScope scope(gate);
    const at::Tensor output = module_.forward({torch::zeros_like(input)}).toTensor();
    EXPECT_TRUE(output.is_inference());
    EXPECT_TRUE(output.equal(expected_));
  }
  EXPECT_THAT(gate.calls, ::testing::IsSupersetOf({kLinear, kRelu, "aten::softmax"}));

  Recorder with_gradients;
  torch::AutoGradMode enabled(true);
  const at::Tensor leaf = torch::zeros({2, 4}, torch::requires_grad());
  at::Tensor output;
  {
    GateScope scope(with_gradients);
    output = module_.forward({leaf}).toTensor();
  }
  EXPECT_THAT(with_gradients.calls, ::testing::IsSupersetOf({kLinear, kRelu, "aten::softmax"}));
  output.sum().backward();
  EXPECT_TRUE(leaf.grad().defined());
}

TEST_F(GateTest, CancelGateStopsTheModelWithinOneOperator) {
  CancelToken token;
  Recorder recorder;
  recorder.before = [&] {
    if (recorder.calls.size() == 3) token.Cancel();
  };
  CancelGate gate(token);
  bool is_stopped = false;
  try {
    const at::Tensor input = torch::zeros({2, 4});
    GateScope stop(gate);
    GateScope record(recorder);
    module_.forward({input});
  } catch (const Stopped& stopped) {
    is_stopped = stopped.code == ErrorCode::kCancelled;
  }
  EXPECT_TRUE(is_stopped);
  EXPECT_EQ(recorder.calls.size(), 3u) << "the fourth call was stopped by the outer gate";
  EXPECT_TRUE(Forward(module_).equal(expected_));
}

// As `torch.jit.fork` does: the keys of the thread go along, our scope does not.
TEST_F(GateTest, ThreadsThatLibTorchStartsPassUnseen) {
  Recorder gate;
  at::Tensor output;
  {
    GateScope scope(gate);
    const at::ThreadLocalState state;
    std::jthread([&] {
      const at::ThreadLocalStateGuard guard(state);
      output = at::relu(torch::ones({2}));
    }).join();
  }
  EXPECT_TRUE(output.equal(torch::ones({2})));
  EXPECT_THAT(gate.calls, ElementsAre());
}

TEST_F(GateTest, CostsLittle) {
  CancelToken token;
  CancelGate gate(token);
  const at::Tensor x = torch::ones({1});
  const auto time = [&x] {
    constexpr int kCalls = 20'000;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) at::relu(x);
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
               .count() /
           kCalls;
  };
  double without = 1e9;
  double with = 1e9;
  for (int i = 0; i < 5; ++i) {
    without = std::min(without, time());
    GateScope scope(gate);
    with = std::min(with, time());
  }
  RecordProperty("gate_us", std::to_string(with - without));
  std::printf("an operator: %.2f us, through a gate: %.2f us\n", without, with);
  EXPECT_LT(with - without, 20.) << "microseconds for each call";
}

}  // namespace
}  // namespace raceway::engine
