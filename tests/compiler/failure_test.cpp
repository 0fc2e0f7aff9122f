// What happens to rows for which a step fails or is slow, from the text of a flow to its rows.
#include <ATen/core/TensorBody.h>
#include <ATen/ops/add.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/rewrite/optimize.h"
#include "engine/engine.h"
#include "tests/compiler/compiling.h"
#include "tests/compiler/fake_models.h"

namespace raceway::compiler {
namespace {

using engine::Batch;
using engine::Column;
using engine::DataType;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::RunContext;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class FakeClock final : public engine::Clock {
 public:
  engine::TimePoint Now() const override {
    return engine::TimePoint(std::chrono::nanoseconds(now_.load()));
  }
  void Advance(std::chrono::nanoseconds by) { now_ += by.count(); }

 private:
  std::atomic<int64_t> now_ = 1'000'000'000;
};

int64_t At(const Column& column, int64_t row) { return column.Row(row).item<int64_t>(); }

/// z = a + 1; fails for the first row whose `a` is a multiple of 3, by name or not.
Result<std::vector<Column>> Risky(std::span<const Column> args, const Batch& rows, bool names_row) {
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    if (At(args[0], row) % 3 != 0) continue;
    return Error{.code = ErrorCode::kFailed,
                 .message = "a multiple of 3",
                 .row_id = names_row ? rows.RowId(row) : -1};
  }
  return std::vector<Column>{Column(at::add(args[0].dense(), 1))};
}

/// score = number, conf = a / 10.
testing::FakeModel Ranks(double number) {
  return [number](std::span<const Column> args, const Batch& rows,
                  RunContext&) -> Result<std::vector<Column>> {
    return std::vector<Column>{
        Column(at::full({rows.num_rows()}, number, at::kFloat)),
        Column(at::add(args[0].dense(), 0).to(at::kFloat).div(10)),
    };
  };
}

class FailureTest : public ::testing::Test {
 protected:
  FailureTest()
      : engine_(
            {.num_workers = 1, .factories = testing::FactoriesWith(Models()), .clock = &clock_}) {}

  testing::FakeModels Models() {
    testing::FakeModels models;
    models["risky.pt"] = [](auto args, const Batch& rows, RunContext&) {
      return Risky(args, rows, true);
    };
    models["riddle.pt"] = [](auto args, const Batch& rows, RunContext&) {
      return Risky(args, rows, false);
    };
    models["slow.pt"] = [this](auto args, const Batch&, RunContext&) {
      clock_.Advance(1s);
      return Result<std::vector<Column>>(std::vector<Column>{Column(at::add(args[0].dense(), 50))});
    };
    models["one.pt"] = Ranks(1);
    models["two.pt"] = Ranks(2);
    return models;
  }

  static std::string File(const std::string& body) {
    return R"(edition 1
schema Row { id: i64, a: i64 }
model risky(a: i64) -> (z: i64) { source: "risky.pt" }
model riddle(a: i64) -> (z: i64) { source: "riddle.pt" }
model slow(a: i64) -> (z: i64) { source: "slow.pt" }
model one(a: i64) -> (score: f32, conf: f32) { source: "one.pt" }
model two(a: i64) -> (score: f32, conf: f32) { source: "two.pt" }
)" + body;
  }
  static std::string Flow(const std::string& result, const std::string& steps) {
    return File("flow f(rows: Row) -> " + result + " {\n  return rows |> " + steps + "\n}\n");
  }

  /// The rows as text, a line each; `without` names rewrites to leave out.
  std::string Run(const std::string& text, const std::vector<int64_t>& a,
                  const std::vector<std::string>& without = {}) {
    const testing::Compiled compiled =
        testing::Compile(text, {.flow = "f", .params = {}, .without = without});
    if (!compiled.result.physical) throw std::runtime_error(compiled.Text());
    const std::string json = ToJson(*compiled.result.physical);
    Result<engine::PhysicalPlan> plan = engine::PlanFromJson(json);
    if (!plan) return plan.error().Text();
    EXPECT_EQ(*plan, *compiled.result.physical);
    Result<engine::FlowHandle> flow = engine_.Deploy(*plan, "");
    if (!flow) return flow.error().Text();
    std::vector<int64_t> ids;
    for (size_t i = 0; i < a.size(); ++i) ids.push_back(static_cast<int64_t>(i));
    const Batch input((*flow)->input_schema(),
                      {Column(at::tensor(ids, at::kLong)), Column(at::tensor(a, at::kLong))},
                      static_cast<int64_t>(a.size()));
    return Text(engine_.Run(**flow, input));
  }

  static std::string Text(const Result<Batch>& rows) {
    if (!rows) return std::string(NameOf(rows.error().code)) + ": " + rows.error().Text();
    std::string text;
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      for (size_t i = 0; i < rows->columns().size(); ++i) {
        const Column& column = rows->column(i);
        text += i > 0 ? " " : "";
        if (column.is_text()) {
          text += column.text()[row];
        } else if ((*rows->schema())[i].type.dtype == DataType::kF32) {
          text += engine::ToString(engine::Value(column.Row(row).item<double>()));
        } else {
          text += std::to_string(At(column, row));
        }
      }
      text += "\n";
    }
    return text;
  }

  FakeClock clock_;
  engine::Engine engine_;
};

TEST_F(FailureTest, RescueTakesTheRowsThatFailAndOnlyThem) {
  for (const std::string model : {"risky", "riddle"}) {
    EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", "map(" + model + ") rescue derive(z = -a)"),
                  {1, 3, 4, 6, 7}),
              "0 2\n1 -3\n2 5\n3 -6\n4 8\n");
  }
}

TEST_F(FailureTest, ADivisionByZeroIsRescuedToo) {
  EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", "derive(z = 12 / a) rescue derive(z = -1)"), {3, 0, 4}),
            "0 4\n1 -1\n2 3\n");
}

// nan is sqrt(a - 3) of a < 3.
TEST_F(FailureTest, NanInAComparisonEndsItsRequestOrIsRescued) {
  const std::string compared = "derive(z = i64(sqrt(f32(a) - 3.0) >= 1.0))";
  const std::string flow = Flow("{ id: i64, z: i64 }", compared);
  EXPECT_EQ(
      Run(flow, {4, 3, 2}),
      "failed: derive at test.flow:9:18: row 3: the left side is NaN, which is neither below nor "
      "above anything: `if x == x then x else 0.0` gives such an x a value");
  EXPECT_EQ(Run(flow, {4, 3}), "0 1\n1 0\n");
  EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", compared + " rescue derive(z = -1)"), {4, 2, 3}),
            "0 1\n1 -1\n2 0\n");
  EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", compared + " rescue derive(z = -1)"), {2}), "0 -1\n");
}

TEST_F(FailureTest, OnErrorDropLosesTheRowsThatFail) {
  EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", "map(risky, on_error: drop)"), {1, 3, 4}),
            "0 2\n2 5\n");
  // Also where nobody reads what the model gives.
  EXPECT_EQ(Run(Flow("{ id: i64 }", "map(risky, on_error: drop)"), {1, 3, 4}), "0\n2\n");
  EXPECT_EQ(Run(Flow("{ id: i64 }", "map(risky) rescue drop"), {1, 3, 4}), "0\n2\n");
  EXPECT_THAT(Run(Flow("{ id: i64, z: i64 }", "map(risky, on_error: fail)"), {1, 3, 4}),
              HasSubstr("row 2: a multiple of 3"));
}

TEST_F(FailureTest, ARescueCanFailWithWordsOfItsOwn) {
  EXPECT_THAT(Run(Flow("{ id: i64, z: i64 }", "map(risky) rescue fail(f\"{a} is odd\")"), {1, 3}),
              HasSubstr("row 2: 3 is odd (in place of map(risky) at test.flow:9:18: row 2: a "
                        "multiple of 3)"));
}

TEST_F(FailureTest, ASlowAnswerIsReplaced) {
  EXPECT_EQ(
      Run(Flow("{ id: i64, z: i64 }", "map(slow, timeout: 900ms) rescue derive(z = 0)"), {1, 2}),
      "0 0\n1 0\n");
  EXPECT_EQ(
      Run(Flow("{ id: i64, z: i64 }", "map(slow, timeout: 1.1s) rescue derive(z = 0)"), {1, 2}),
      "0 51\n1 52\n");
  EXPECT_EQ(Run(File(R"(param wait: duration = 900ms
flow f(rows: Row) -> { id: i64, z: i64 } {
  return rows |> map(slow, timeout: wait) rescue derive(z = 0)
})"),
                {1, 2}),
            "0 0\n1 0\n");
  EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", "map(slow, timeout: 900ms)"), {1, 2}),
            "timeout: map(slow) at test.flow:9:18: no answer within 900ms");
  EXPECT_EQ(Run(Flow("{ id: i64, z: i64 }", "map(slow, timeout: 900ms, on_error: drop)"), {1, 2}),
            "");
}

TEST_F(FailureTest, AFlowIsGuardedAsAWhole) {
  const std::string text = File(R"(
flow inner(rows: { a: i64, ... }) -> { ..., z: i64 } {
  let (low, high) = rows |> split(a < 5)
  return union(low |> map(risky), high |> derive(z = 100 / (a - 7)))
}
flow f(rows: Row) -> { id: i64, z: i64 } {
  return rows |> inner rescue select(id, z = -1)
}
)");
  EXPECT_EQ(Run(text, {1, 3, 7, 8, 2}), "0 2\n1 -1\n2 -1\n3 100\n4 3\n");
}

TEST_F(FailureTest, TheFirstGoodAnswerWins) {
  const std::string steps = R"(anyof(within: 80ms, accept: conf > 0.6, winner: by) {
    one => map(one),
    two => map(two) |> derive(conf = 1.0 - conf),
    else => derive(score = 0.0, conf = 0.0),
  })";
  EXPECT_EQ(Run(Flow("{ id: i64, score: f32, by: string }", steps), {1, 5, 9}),
            "0 2.0 two\n1 0.0 else\n2 1.0 one\n");
}

TEST_F(FailureTest, WithoutAGoodAnswerTheRowSaysWhatEachBranchHad) {
  const std::string steps = R"(anyof(accept: conf > 0.6) {
    one => map(one),
    bad => map(risky) |> derive(score = 1.0, conf = f32(z)) |> omit(z),
  })";
  EXPECT_THAT(Run(Flow("{ id: i64, score: f32 }", steps), {9, 4, 3}),
              HasSubstr("row 3: no answer is good: one: not accepted ("));
  EXPECT_THAT(Run(Flow("{ id: i64, score: f32 }", steps), {9, 4, 3}),
              HasSubstr("bad: map(risky) at test.flow:11:12: a multiple of 3"));
}

/// The passes whose bit is not set in `subset`.
std::vector<std::string> Without(size_t subset) {
  std::vector<std::string> without;
  for (size_t i = 0; i < AllPasses().size(); ++i) {
    if ((subset >> i & 1) == 0) without.emplace_back(AllPasses()[i].name);
  }
  return without;
}

/// `steps` on a, which gives y = a, in a flow whose failing rows get y = -1.
std::string RescuedFlow(const std::string& steps) {
  return "flow inner(rows: { a: i64, ... }) -> { ..., y: i64 } {\n  return rows |> " + steps + R"(
}
flow f(rows: Row) -> { id: i64, y: i64 } {
  return rows |> inner rescue select(id, y = -1)
}
)";
}

// An error that a rewrite would hide elsewhere decides here which way a row goes.
TEST_F(FailureTest, RewritesHideNoErrorThatIsRescued) {
  for (const std::string steps :
       {"map(risky) |> derive(y = a)", "map(risky) |> filter(a != 3) |> derive(y = a)",
        "derive(w = 1 / (a - 3), y = a)"}) {
    for (size_t subset = 0; subset < size_t{1} << AllPasses().size(); ++subset) {
      ASSERT_EQ(Run(File(RescuedFlow(steps)), {1, 3, 4}, Without(subset)), "0 1\n1 -1\n2 4\n")
          << steps << subset;
    }
  }
}

// With a NaN where a is 3.
TEST_F(FailureTest, RewritesHideNoNanThatIsRescued) {
  for (const std::string steps :
       {"derive(w = sqrt(abs(f32(a) - 3.0) - 0.5) >= 0.0, y = a)",
        "derive(y = a + 0) |> filter(sqrt(abs(f32(a) - 3.0) - 0.5) >= 0.0)"}) {
    const size_t all = (size_t{1} << AllPasses().size()) - 1;
    for (size_t pass = 0; pass <= AllPasses().size(); ++pass) {
      const size_t one = size_t{1} << pass & all;  // none in the last round
      for (const size_t subset : {one, all ^ one}) {
        EXPECT_EQ(Run(File(RescuedFlow(steps)), {1, 3, 4}, Without(subset)), "0 1\n1 -1\n2 4\n")
            << steps << subset;
      }
    }
  }
}

/// A chain of steps on (id, a) that may fail and are guarded, and what it makes of one row.
struct RandomSteps {
  explicit RandomSteps(uint32_t seed) : random(seed) {}

  void Add() {
    const auto n = std::to_string(random() % 4);
    switch (random() % 7) {
      case 0: text += "|> derive(a = 60 / (a - " + n + ")) rescue derive(a = a + 1) "; break;
      case 1: text += "|> map(risky, on_error: drop) |> derive(a = z) |> omit(z) "; break;
      case 2:
        text += "|> map(riddle) rescue derive(z = a - 1) |> derive(a = z + 1) |> omit(z) ";
        break;
      case 3: text += "|> filter(a != " + n + ") rescue drop "; break;
      case 4:
        text += "|> anyof(accept: b > 2) { x => derive(b = a / " + n +
                "), y => derive(b = a + 1), else => derive(b = 0) } |> derive(a = b) |> omit(b) ";
        break;
      case 5: text += "|> map(risky, on_error: drop) |> omit(z) "; break;
      default: text += "|> derive(unread = 7 / a, a = a + " + n + ") rescue drop |> omit(unread) ";
    }
  }

  std::minstd_rand random;
  std::string text;
};

// Whatever is rewritten, the same rows fail and the same rows go on.
TEST_F(FailureTest, RewritesChangeNothing) {
  size_t num_rows = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    RandomSteps steps(seed);
    for (int i = 0; i < 4; ++i) steps.Add();
    const std::string text =
        File("flow f(rows: Row) -> { id: i64, a: i64 } {\n  return rows " + steps.text + "\n}\n");
    const std::vector<int64_t> rows = {0, 1, 2, 3, 4, 5, 6, 7, -1, 9};
    const std::string expected = Run(text, rows, Without(0));
    num_rows += static_cast<size_t>(std::count(expected.begin(), expected.end(), '\n'));
    const size_t all = (size_t{1} << AllPasses().size()) - 1;
    for (const size_t subset :
         {all, all & (seed * 37), all ^ (size_t{1} << seed % AllPasses().size())}) {
      ASSERT_EQ(Run(text, rows, Without(subset)), expected) << text << subset;
    }
    // And a batch of rows is what its rows are one by one.
    std::string one_by_one;
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string one = Run(text, {rows[i]});
      if (!one.empty()) one_by_one += std::to_string(i) + one.substr(1);
    }
    ASSERT_EQ(one_by_one, expected) << text;
  }
  EXPECT_GT(num_rows, 60U);
}

}  // namespace
}  // namespace raceway::compiler
