#include "operators/model.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <thread>

#include "engine/gate.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A model file and steps that run it.
class ModelTest : public ::testing::Test {
 protected:
  /// Writes m.pt.
  void Save(const std::string& forward, const std::string& name = "m.pt") {
    torch::jit::Module module("m");
    module.register_parameter("weight", at::tensor(std::vector<double>{2.0}).to(at::kFloat), false);
    module.register_buffer("calls", at::tensor(std::vector<int64_t>{0}));
    module.define(forward);
    module.save((folder_.path() / name).string());
  }

  StepSpec Step(const std::vector<std::string>& parameters,
                const std::vector<std::pair<std::string, std::string>>& results) {
    StepSpec step;
    step.op = "model";
    step.label = "map(small)";
    step.options = {{"source", "m.pt"}, {"sha256", "1"}, {"threads", int64_t{0}}};
    for (const std::string& parameter : parameters)
      step.arguments.push_back({parameter, parameter});
    for (const auto& [name, type] : results) step.results.push_back({name, name});
    step.outputs = {*S(results)};
    return step;
  }

  std::string RunText(const StepSpec& step, const Batch& rows) {
    return Text(RunStep(step, rows, folder_.path()));
  }
  std::string RowByRowText(const StepSpec& step, const Batch& rows) {
    return TextRowByRow(step, rows, folder_.path());
  }

  TempFolder folder_;
  const Batch rows_ = MakeBatch(S({{"x", "f32[2]"}}), {Vectors({{1, 2}, {3, 4}, {5, 6}})});
  const StepSpec doubling_ = Step({"x"}, {{"y", "f32[2]"}});
};

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

TEST_F(ModelTest, AnswersWithATupleByPosition) {
  Save("def forward(self, x):\n  return x.sum(-1), x.argmax(-1)\n");
  const StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "i64"}});
  EXPECT_EQ(RunText(step, rows_), "#0 total=3 top=1\n#1 total=7 top=1\n#2 total=11 top=1\n");
}

TEST_F(ModelTest, AnswersWithADictionaryByName) {
  Save("def forward(self, x):\n  return {'top': x.argmax(-1).float(), 'total': x.sum(-1)}\n");
  StepSpec step = Step({"x"}, {{"total", "f32"}, {"top", "f32"}});
  EXPECT_EQ(RunText(step, rows_), "#0 total=3 top=1\n#1 total=7 top=1\n#2 total=11 top=1\n");
  EXPECT_EQ(RunText(Step({"x"}, {{"conf", "f32"}}), rows_),
            "failed: model small: no output `conf` in the dictionary it answers with");
}

TEST_F(ModelTest, AnOutputNobodyReadsIsLeftOut) {
  Save("def forward(self, x):\n  return x.sum(-1), x\n");
  StepSpec step = Step({"x"}, {{"total", "f32"}, {"copy", "f32[2]"}});
  step.outputs = {*S({{"copy", "f32[2]"}})};
  EXPECT_EQ(RunText(step, rows_), "#0 copy=[1, 2]\n#1 copy=[3, 4]\n#2 copy=[5, 6]\n");
}

// --- wrong outputs ---

TEST_F(ModelTest, ChecksTheTypeOfItsOutputs) {
  Save("def forward(self, x):\n  return x\n");
  const auto run = [this](const std::string& type) {
    return RunText(Step({"x"}, {{"logits", type}}), rows_);
  };
  EXPECT_EQ(run("f32[1000]"), "failed: model small: output `logits` is f32[2], declared f32[1000]");
  EXPECT_EQ(run("f32"), "failed: model small: output `logits` is f32[2], declared f32");
  EXPECT_EQ(run("f64[2]"), "failed: model small: output `logits` is f32[2], declared f64[2]");
  EXPECT_EQ(run("f32[N]"), "#0 logits=[1, 2]\n#1 logits=[3, 4]\n#2 logits=[5, 6]\n");
}

TEST_F(ModelTest, ChecksTheRowsOfItsOutputs) {
  Save("def forward(self, x):\n  return x[:1]\n");
  EXPECT_EQ(RunText(doubling_, rows_), "failed: model small: output `y` has 1 rows, the input 3");
  Save("def forward(self, x):\n  return x.sum()\n", "n.pt");
  StepSpec step = Step({"x"}, {{"y", "f32"}});
  step.options[0].second = "n.pt";
  EXPECT_EQ(RunText(step, rows_), "failed: model small: output `y` has no rows dimension");
}

TEST_F(ModelTest, ComparesSymbolsOfItsArgumentsAndOutputs) {
  Save("def forward(self, x):\n  return x[:, 1:], torch.cat([x, x], 1)\n");
  const auto run = [&](const std::string& y, const std::string& z, Column x) {
    return RunText(Step({"x"}, {{"y", y}, {"z", z}}),
                   MakeBatch(S({{"x", "f32[N]"}}), {std::move(x)}));
  };
  EXPECT_EQ(run("f32[N-1]", "f32[N*2]", Ragged({{1}, {2, 3}})),
            "#0 y=[] z=[1, 1]\n#1 y=[3] z=[2, 3, 2, 3]\n");
  EXPECT_EQ(run("f32[N]", "f32[M]", Vectors({{1, 2}})),
            "failed: model small: `N` is 2 in `x` but 1 in `y`");
  EXPECT_EQ(run("f32[M]", "f32[M]", Ragged({{1}, {2, 3}})),
            "failed: row 1: model small: `M` is 0 in `y` but 2 in `z`");
  EXPECT_EQ(run("f32[M]", "f32[M+1]", Vectors({{1, 2}})),
            "failed: model small: dimension 1 of `z` is 4, `M+1` is 2 (`M` is 1)");
}

TEST_F(ModelTest, AnOutputNobodyReadsIsNotCompared) {
  Save("def forward(self, x):\n  return x, x[:, 1:]\n");
  StepSpec step = Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[N]"}});
  step.outputs = {*S({{"y", "f32[2]"}})};
  EXPECT_EQ(RunText(step, rows_), "#0 y=[1, 2]\n#1 y=[3, 4]\n#2 y=[5, 6]\n");
}

TEST_F(ModelTest, ChecksTheNumberAndKindOfItsOutputs) {
  Save("def forward(self, x):\n  return x, x\n");
  EXPECT_EQ(RunText(doubling_, rows_),
            "failed: model small: it answers with 2 outputs, declared 1");
  Save("def forward(self, x):\n  return x\n", "n.pt");
  StepSpec step = Step({"x"}, {{"y", "f32[2]"}, {"z", "f32[2]"}});
  step.options[0].second = "n.pt";
  EXPECT_EQ(RunText(step, rows_), "failed: model small: it answers with 1 output, declared 2");
  Save("def forward(self, x):\n  return [x, x]\n", "l.pt");
  step = doubling_;
  step.options[0].second = "l.pt";
  EXPECT_EQ(RunText(step, rows_), "failed: model small: output `y` is no tensor but List[Tensor]");
}

// --- what goes wrong inside ---

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

// --- rows of different shapes ---

TEST_F(ModelTest, RowsOfOneShapeRunTogether) {
  Save("def forward(self, x):\n  return x.sum(-1) + 100. * float(x.size(0))\n");
  const StepSpec step = Step({"x"}, {{"y", "f32"}});
  const SchemaPtr in = S({{"x", "f32[N]"}});
  const auto run = [&](Column column) { return RunText(step, MakeBatch(in, {std::move(column)})); };
  EXPECT_EQ(run(Ragged({{1, 2}, {3}, {4, 5}, {6}, {7, 8}})),
            "#0 y=303\n#1 y=203\n#2 y=309\n#3 y=206\n#4 y=315\n");
  EXPECT_EQ(run(Ragged({{1, 2}, {3, 4}})), "#0 y=203\n#1 y=207\n");
}

TEST_F(ModelTest, RaggedOutputsComeBackInOrder) {
  Save("def forward(self, x, k):\n  return x * k.unsqueeze(-1), x.sum(-1)\n");
  const StepSpec step = Step({"x", "k"}, {{"y", "f32[N]"}, {"t", "f32"}});
  const Batch rows = MakeBatch(S({{"x", "f32[N]"}, {"k", "f32"}}),
                               {Ragged({{1, 2}, {3}, {4, 5}}), Floats({1, 10, 100})});
  EXPECT_EQ(RunText(step, rows), "#0 y=[1, 2] t=3\n#1 y=[30] t=3\n#2 y=[400, 500] t=9\n");
  EXPECT_EQ(RunText(step, rows), RowByRowText(step, rows));
}

// --- the input stays as it is ---

TEST_F(ModelTest, AModelThatWritesIntoItsInputGetsACopy) {
  Save("def forward(self, x):\n  y = x[:, :1]\n  y.mul_(10.)\n  return x.relu_()\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[10, 2]\n#1 y=[30, 4]\n#2 y=[50, 6]\n");
  EXPECT_EQ(Text(rows_.column(0)), "[1, 2] [3, 4] [5, 6]");
}

TEST_F(ModelTest, OthersGetTheColumnItself) {
  Save("def forward(self, x):\n  return x\n");
  const Result<Batch> out = RunStep(doubling_, rows_, folder_.path());
  EXPECT_EQ(DataOf(out->column(0)), DataOf(rows_.column(0)));
}

TEST_F(ModelTest, ConstantsCanBeViewed) {
  Save("def forward(self, x):\n  return x.view(-1)\n");
  const Batch rows(S({{"x", "f32"}}), {*Column::Constant(Value(0.5), T("f32"), 2)}, 2);
  EXPECT_EQ(RunText(Step({"x"}, {{"y", "f32"}}), rows), "#0 y=0.5\n#1 y=0.5\n");
}

// --- files ---

TEST_F(ModelTest, AMissingFileIsUnavailable) {
  const auto error = [this](const StepSpec& step) {
    return MakeError(step, {rows_.schema()}, folder_.path());
  };
  EXPECT_EQ(error(doubling_), "unavailable: model file m.pt: No such file or directory");
  std::filesystem::create_directory(folder_.path() / "m.pt");
  EXPECT_EQ(error(doubling_), "unavailable: model file m.pt: not a file");
}

TEST_F(ModelTest, AFileThatIsNoTorchScriptIsSaidInOneLine) {
  const auto error = [this] { return MakeError(doubling_, {rows_.schema()}, folder_.path()); };
  const std::string start = "invalid argument: model file m.pt is no TorchScript: ";
  for (const std::string content : {"", "hello", "PK\x03\x04"}) {
    folder_.Write("m.pt", content);
    EXPECT_THAT(error(), StartsWith(start));
    EXPECT_THAT(error(), Not(HasSubstr("\n")));
  }
  Save("def forward(self, x):\n  return x\n");
  const auto size = std::filesystem::file_size(folder_.path() / "m.pt");
  for (const auto kept : {size / 4, size / 2, size - 1}) {
    Save("def forward(self, x):\n  return x\n");
    std::filesystem::resize_file(folder_.path() / "m.pt", kept);
    EXPECT_THAT(error(), StartsWith(start)) << kept;
    EXPECT_THAT(error(), Not(HasSubstr("\n"))) << kept;
  }
}

TEST_F(ModelTest, RefusesAModelThatTakesOtherInputs) {
  Save("def forward(self, x, y):\n  return x + y\n");
  const auto error = [this](const StepSpec& step, const SchemaPtr& in) {
    return MakeError(step, {in}, folder_.path());
  };
  EXPECT_EQ(error(doubling_, rows_.schema()),
            "invalid argument: model small: `forward` takes 2 inputs, declared 1");
  EXPECT_EQ(error(doubling_, S({{"x", "string"}})),
            "unsupported: model small: `x` is text, TorchScript gets tensors");
  EXPECT_EQ(error(doubling_, S({{"z", "f32"}})),
            "invalid argument: model small: no column `x` in (z: f32)");
  StepSpec step = doubling_;
  step.options.clear();
  EXPECT_EQ(error(step, rows_.schema()), "invalid argument: a model wants the option `source`");
  EXPECT_EQ(MakeError(doubling_, {rows_.schema()}, folder_.path(), "cuda:0"),
            "unsupported: model small: device `cuda:0` is not supported yet");
}

TEST_F(ModelTest, AFileIsLoadedOnceForItsPathAndHash) {
  Save("def forward(self, x):\n  return x\n");
  const auto first = Make(doubling_, {rows_.schema()}, folder_.path());
  ASSERT_TRUE(first.ok());
  Save("def forward(self, x):\n  return x * 2\n");  // nobody looks at it while `first` lives
  const auto second = Make(doubling_, {rows_.schema()}, folder_.path() / ".");
  StepSpec other_hash = doubling_;
  other_hash.options[1].second = "2";
  const auto third = Make(other_hash, {rows_.schema()}, folder_.path());
  const Batch one = MakeBatch(rows_.schema(), {Vectors({{1, 2}})});
  EXPECT_EQ(Text(RunMade(*first, one)), "#0 y=[1, 2]\n");
  EXPECT_EQ(Text(RunMade(*second, one)), "#0 y=[1, 2]\n");
  EXPECT_EQ(Text(RunMade(*third, one)), "#0 y=[2, 4]\n");
}

TEST_F(ModelTest, IsForgottenWithItsLastStep) {
  Save("def forward(self, x):\n  return x\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[1, 2]\n#1 y=[3, 4]\n#2 y=[5, 6]\n");
  Save("def forward(self, x):\n  return -x\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[-1, -2]\n#1 y=[-3, -4]\n#2 y=[-5, -6]\n");
}

// --- stopping ---

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

// --- threads ---

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

TEST_F(ModelTest, UsesItsThreadsAndGivesThemBack) {
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
